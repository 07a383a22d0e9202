import { Fault, type Identity } from "@millrace/core";
import { loadDispatches, orStoreFault, reopenTask, type TaskRecord } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { findTaskFor } from "./show-task.ts";

/**
 * Brings a failed or cancelled task back, with its policy and a fresh count of failures.
 * Throws NOT_FOUND, and TASK_STATE_CONFLICT for a task that is open or completed.
 */
export async function retryTask(ports: Ports, identity: Identity, taskId: string): Promise<TaskRecord> {
  const task = await findTaskFor(ports, identity, taskId);
  const isReopened = await orStoreFault(
    reopenTask(ports.hotSql, { seq: task.seq, redrivenBy: identity.userId, delayMs: 0 }),
  );
  if (!isReopened)
    throw new Fault(
      "TASK_STATE_CONFLICT",
      `only a failed or cancelled task can be retried; this one is ${task.status}`,
    );
  const due = await orStoreFault(loadDispatches(ports.hotSql, [task.seq]));
  ports.intake.publish(due.map(({ dispatch }) => ({ dispatch })));
  return await findTaskFor(ports, identity, taskId);
}
