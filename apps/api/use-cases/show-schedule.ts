import type { Identity } from "@millrace/core";
import { findSchedule, orStoreFault, type ScheduleRecord } from "@millrace/store";
import { requireSight } from "../http/access.ts";
import type { Ports } from "../ports.ts";

/** The schedule, if there is one that this identity may see. Throws NOT_FOUND. */
export async function findScheduleFor(
  ports: Ports,
  identity: Identity,
  scheduleId: string,
): Promise<ScheduleRecord> {
  const schedule = await orStoreFault(findSchedule(ports.sql, scheduleId));
  requireSight(identity, schedule?.ownerId, "schedule");
  return schedule as ScheduleRecord; // requireSight throws when there is none.
}
