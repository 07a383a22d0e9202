import { EXPIRE_TASKS_MAX } from "@millrace/core/limits";
import { expireTasks } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/**
 * Ends tasks whose time to live is over. None of them starts meanwhile: a claim looks at the same deadline.
 */
export async function expire(ports: SchedulerPorts): Promise<boolean> {
  const { looked, expired } = await expireTasks(ports.sql, EXPIRE_TASKS_MAX);
  if (expired > 0) ports.log.info("tasks have expired before they started", { tasks: expired });
  return looked === EXPIRE_TASKS_MAX;
}
