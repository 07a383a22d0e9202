import type { Identity } from "@millrace/core";
import {
  cancelTasks,
  listReach,
  loadDispatches,
  orStoreFault,
  type Reach,
  reopenTasks,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { repeated } from "../tasks/intake.ts";
import { findTaskFor } from "./show-task.ts";

/** The task with what depends on it, or with everything that is connected with it. */
export type Scope = "subtree" | "graph";

export interface GraphAction {
  readonly task_id: string;
  readonly scope: Scope;
  /** Tasks that were looked at. */
  readonly nodes: number;
  /** Tasks that were cancelled, or brought back. */
  readonly changed: number;
  /** True: the graph has more tasks than one call takes. */
  readonly truncated: boolean;
}

const REACH: Readonly<Record<Scope, Reach>> = { subtree: "down", graph: "both" };
/** Messages read and published at once: payloads may have 256 KiB each. */
const PUBLISHED_AT_ONCE = 200;

/**
 * Cancels all of them that have not ended, in one transaction; what runs is stopped. What lies beyond the bound fails with
 * DEPENDENCY_FAILED, as the descendants of any cancelled task do. Throws NOT_FOUND.
 */
export async function cancelGraph(
  ports: Ports,
  identity: Identity,
  { taskId, scope }: { readonly taskId: string; readonly scope: Scope },
): Promise<GraphAction> {
  const { seqs, truncated } = await reach(ports, identity, { taskId, scope });
  const cancelled = await orStoreFault(
    repeated(() => cancelTasks(ports.hotSql, seqs, `cancelled on request, with the ${scope} of ${taskId}`)),
  );
  for (const { seq, taskId: task_id, attempt, session } of cancelled) {
    if (session !== null) ports.dispatcher.tellCancelled({ seq, task_id, attempt, session });
    ports.dispatcher.tell({ seq, task_id, status: "cancelled", phase: "cancelled", attempt });
  }
  ports.intake.tellEnds();
  return { task_id: taskId, scope, nodes: seqs.length, changed: cancelled.length, truncated };
}

/**
 * Brings all of them back that have failed or were cancelled, in one transaction: each waits again for those of its
 * parents that come back with it. What depends on a failed task that is not among them stays as it is. Throws NOT_FOUND.
 */
export async function retryGraph(
  ports: Ports,
  identity: Identity,
  { taskId, scope }: { readonly taskId: string; readonly scope: Scope },
): Promise<GraphAction> {
  const { seqs, truncated } = await reach(ports, identity, { taskId, scope });
  const reopening = { seqs, redrivenBy: identity.userId };
  const reopened = await orStoreFault(repeated(() => reopenTasks(ports.hotSql, reopening)));
  for (let from = 0; from < reopened.length; from += PUBLISHED_AT_ONCE) {
    const some = reopened.slice(from, from + PUBLISHED_AT_ONCE);
    const due = await orStoreFault(loadDispatches(ports.hotSql, some));
    ports.intake.publish(due.map(({ dispatch }) => ({ dispatch })));
    for (const { dispatch } of due) {
      const { seq, task_id, attempt, task_type, lane, priority } = dispatch;
      const told = { seq, task_id, attempt: attempt - 1, task_type, lane, priority };
      ports.dispatcher.tell({ ...told, status: "pending", phase: "queued" });
    }
  }
  ports.intake.tellEnds();
  return { task_id: taskId, scope, nodes: seqs.length, changed: reopened.length, truncated };
}

async function reach(
  ports: Ports,
  identity: Identity,
  { taskId, scope }: { readonly taskId: string; readonly scope: Scope },
): Promise<{ readonly seqs: readonly number[]; readonly truncated: boolean }> {
  const task = await findTaskFor(ports, identity, taskId);
  const { seqs, isTruncated } = await orStoreFault(listReach(ports.sql, task.seq, REACH[scope]));
  return { seqs, truncated: isTruncated };
}
