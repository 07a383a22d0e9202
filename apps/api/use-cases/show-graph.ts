import type { Identity } from "@millrace/core";
import { orStoreFault, readGraph } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { findTaskFor } from "./show-task.ts";

/**
 * Everything that is connected with the task, by any number of dependencies in either direction; nearest first where there
 * is more than one answer can hold. A task depends on its owner's tasks alone, so whoever sees one of them sees all.
 * Throws NOT_FOUND.
 */
export async function showGraph(ports: Ports, identity: Identity, taskId: string) {
  const task = await findTaskFor(ports, identity, taskId);
  const { nodes, edges, isTruncated } = await orStoreFault(readGraph(ports.sql, task.seq));
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
    edges: edges.flatMap(({ from, to }) => {
      const [parent, child] = [idBySeq.get(from), idBySeq.get(to)];
      return parent === undefined || child === undefined ? [] : [{ from: parent, to: child }]; // Its day is over.
    }),
    truncated: isTruncated,
  };
}
