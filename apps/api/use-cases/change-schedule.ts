import type { Identity } from "@millrace/core";
import { changeSchedule as changeInStore, orStoreFault, type ScheduleRecord } from "@millrace/store";
import { requireSight } from "../http/access.ts";
import type { Ports } from "../ports.ts";
import { patchSchedule } from "../schedules/read-schedule.ts";
import type { SchedulePatch } from "../schedules/schedule-wish.ts";
import { findScheduleFor } from "./show-schedule.ts";

export interface ScheduleChange {
  readonly scheduleId: string;
  readonly patch: SchedulePatch;
  readonly requestBytes: number;
  readonly correlationId: string;
}

/** Throws NOT_FOUND, VALIDATION_FAILED, PAYLOAD_TOO_LARGE, STORE_UNAVAILABLE. */
export async function changeSchedule(
  ports: Ports,
  identity: Identity,
  { scheduleId, patch, requestBytes, correlationId }: ScheduleChange,
): Promise<ScheduleRecord> {
  const { ownerId } = await findScheduleFor(ports, identity, scheduleId);
  const reading = { submitter: { ownerId, correlationId, requestBytes }, rules: ports.taskRules };
  const changed = await orStoreFault(
    changeInStore(ports.sql, scheduleId, (schedule) => patchSchedule(schedule, patch, reading)),
  );
  requireSight(identity, changed?.ownerId, "schedule");
  ports.control.tellSchedulesChanged();
  return changed as ScheduleRecord; // requireSight throws when it is gone.
}
