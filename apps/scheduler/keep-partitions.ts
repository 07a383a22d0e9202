import { dropOldPartitions, makePartitions } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/** Days made ahead: a scheduler may be away for a week before rows go to the default partition. */
const DAYS_AHEAD = 8;

/** Makes the days to come, and drops those whose time is over as a whole: no row is ever deleted from the history. */
export async function keepPartitions(
  ports: Pick<SchedulerPorts, "sql" | "log">,
  retentionDays: number,
): Promise<boolean> {
  const made = await makePartitions(ports.sql, DAYS_AHEAD);
  const dropped = await dropOldPartitions(ports.sql, retentionDays);
  if (made > 0 || dropped.length > 0) ports.log.info("partitions", { made, dropped });
  return false;
}
