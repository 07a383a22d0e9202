import { Fault, type Identity } from "@millrace/core";
import { cancelTask as cancelInStore, orStoreFault, type TaskRecord } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { findTaskFor } from "./show-task.ts";

/**
 * Ends a task that is not finished, also while it runs; its descendants fail, unless they run anyway. Cancelling what is cancelled already changes nothing.
 * Throws NOT_FOUND, and TASK_STATE_CONFLICT for a task that has completed or failed.
 */
export async function cancelTask(ports: Ports, identity: Identity, taskId: string): Promise<TaskRecord> {
  const task = await findTaskFor(ports, identity, taskId);
  const cancelled = await orStoreFault(cancelInStore(ports.hotSql, task.seq, "cancelled on request"));
  const after = await findTaskFor(ports, identity, taskId);
  if (cancelled === null && after.phase !== "cancelled")
    throw new Fault("TASK_STATE_CONFLICT", `the task has ${after.status} already`);
  if (cancelled === null) return after;
  ports.intake.tellEnds();
  if (cancelled.running !== null)
    ports.dispatcher.tellCancelled({ seq: task.seq, task_id: taskId, ...cancelled.running });
  ports.dispatcher.tell({
    seq: task.seq,
    task_id: taskId,
    status: after.status,
    phase: after.phase,
    attempt: cancelled.running?.attempt ?? after.attempts,
  });
  return after;
}
