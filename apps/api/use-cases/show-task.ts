import type { Identity } from "@millrace/core";
import { findTask, orStoreFault, type TaskRecord } from "@millrace/store";
import { requireSight } from "../http/access.ts";
import type { Ports } from "../ports.ts";

/** The task, if there is one that this identity may see. Throws NOT_FOUND. */
export async function findTaskFor(ports: Ports, identity: Identity, taskId: string): Promise<TaskRecord> {
  const task = await orStoreFault(findTask(ports.hotSql, taskId));
  requireSight(identity, task?.ownerId, "task");
  return task as TaskRecord; // requireSight throws when there is none.
}
