import { Fault, type Identity } from "@millrace/core";
import { findTasks, loadDispatches, orStoreFault, reopenTask, type TaskRecord } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { repeated } from "../tasks/intake.ts";
import { findTaskFor } from "./show-task.ts";

/**
 * Brings a failed or cancelled task back, with its policy and a fresh count of failures.
 * Its descendants that failed with it stay so: `retryGraph` brings them back, too.
 * Throws NOT_FOUND, and TASK_STATE_CONFLICT for a task that is open or completed, or depends on one that has failed.
 */
export async function retryTask(ports: Ports, identity: Identity, taskId: string): Promise<TaskRecord> {
  const task = await findTaskFor(ports, identity, taskId);
  const reopening = { seq: task.seq, redrivenBy: identity.userId, delayMs: 0 };
  const isReopened = await orStoreFault(repeated(() => reopenTask(ports.hotSql, reopening)));
  if (!isReopened) throw new Fault("TASK_STATE_CONFLICT", await whyNot(ports, identity, taskId));
  const due = await orStoreFault(loadDispatches(ports.hotSql, [task.seq]));
  ports.intake.publish(due.map(({ dispatch }) => ({ dispatch })));
  return await findTaskFor(ports, identity, taskId);
}

async function whyNot(ports: Ports, identity: Identity, taskId: string): Promise<string> {
  const { status, dependencies } = await findTaskFor(ports, identity, taskId);
  if ((status !== "failed" && status !== "cancelled") || dependencies.length === 0)
    return `only a failed or cancelled task can be retried; this one is ${status}`;
  const parents = await orStoreFault(findTasks(ports.hotSql, dependencies));
  const failed = parents.find((parent) => parent.status === "failed" || parent.status === "cancelled");
  if (failed === undefined) return `only a failed or cancelled task can be retried; this one is ${status}`;
  return `it depends on ${failed.taskId}, which is ${failed.status}: retry that one with ?subtree=true`;
}
