import { RECONCILE_TASKS_MAX, SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import { readStoreClock, takeComing } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

/** How often it looks; it looks this much further than the horizon, so that nothing falls between two rounds. */
export const FEED_EVERY_MS = 60_000;

/** Hands tasks that were scheduled for far off to JetStream when they come near. */
export async function feed(ports: SchedulerPorts): Promise<boolean> {
  const from = await readStoreClock(ports.sql);
  const until = new Date(from.getTime() + SCHEDULE_HORIZON_MS + 2 * FEED_EVERY_MS);
  const seqs = await takeComing(ports.sql, { from, until, limitPerLevel: RECONCILE_TASKS_MAX });
  const published = await publishAgain(ports, seqs, "coming");
  if (published > 0) ports.log.debug("scheduled tasks come near", { tasks: published });
  return seqs.length >= RECONCILE_TASKS_MAX;
}
