import type { Identity } from "@millrace/core";
import { GRAPH_EDGES_MAX, GRAPH_NODES_MAX } from "@millrace/core/limits";
import { listEdges, listNodes, listReach, orStoreFault } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { findTaskFor } from "./show-task.ts";

/**
 * Everything that is connected with the task, by any number of dependencies in either direction; nearest first where there
 * is more than one answer can hold. A task depends on its owner's tasks alone, so whoever sees one of them sees all.
 * Throws NOT_FOUND.
 */
export async function showGraph(ports: Ports, identity: Identity, taskId: string) {
  const task = await findTaskFor(ports, identity, taskId);
  const { sql } = ports;
  const reached = await orStoreFault(listReach(sql, task.seq, "both"));
  const seqs = reached.slice(0, GRAPH_NODES_MAX);
  const [nodes, edges] = await orStoreFault(Promise.all([listNodes(sql, seqs), listEdges(sql, seqs)]));
  const idBySeq = new Map(nodes.map((node) => [node.seq, node.taskId]));
  return {
    nodes: nodes.map((node) => ({
      task_id: node.taskId,
      task_type: node.taskType,
      status: node.status,
      phase: node.phase,
      attempts: node.attempts,
      max_attempts: node.maxAttempts,
      waiting_for: node.waitingFor,
      on_parent_failure: node.onParentFailure,
      error_code: node.errorCode,
    })),
    edges: edges.slice(0, GRAPH_EDGES_MAX).flatMap(({ from, to }) => {
      const [parent, child] = [idBySeq.get(from), idBySeq.get(to)];
      return parent === undefined || child === undefined ? [] : [{ from: parent, to: child }]; // Its day is over.
    }),
    truncated: reached.length > GRAPH_NODES_MAX || edges.length > GRAPH_EDGES_MAX,
  };
}
