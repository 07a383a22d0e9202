import { isDeepStrictEqual } from "node:util";
import { Fault, type Identity } from "@millrace/core";
import { SCHEDULES_PER_OWNER_MAX } from "@millrace/core/limits";
import {
  createSchedule as createInStore,
  type ScheduleWish as NewSchedule,
  orStoreFault,
  type ScheduleRecord,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { readSchedule } from "../schedules/read-schedule.ts";
import type { ScheduleWish } from "../schedules/schedule-wish.ts";

export interface ScheduleSubmission {
  readonly wish: ScheduleWish;
  readonly requestBytes: number;
  readonly correlationId: string;
}

export interface CreatedSchedule {
  /** False: the very same schedule was there already. */
  readonly isNew: boolean;
  readonly schedule: ScheduleRecord;
}

/** Throws VALIDATION_FAILED, PAYLOAD_TOO_LARGE, SCHEDULE_ID_CONFLICT, LIMIT_REACHED, STORE_UNAVAILABLE. */
export async function createSchedule(
  ports: Ports,
  identity: Identity,
  { wish, requestBytes, correlationId }: ScheduleSubmission,
): Promise<CreatedSchedule> {
  const submitter = { ownerId: identity.userId, correlationId, requestBytes };
  const schedule = readSchedule(wish, submitter, ports.taskRules);
  const created = await orStoreFault(createInStore(ports.sql, schedule));
  if (created.kind === "full")
    throw new Fault("LIMIT_REACHED", `you have ${SCHEDULES_PER_OWNER_MAX} schedules already`);
  if (created.kind === "stored") ports.control.tellSchedulesChanged();
  else if (!isSameSchedule(schedule, created.schedule)) throw conflict(schedule.scheduleId);
  return { isNew: created.kind === "stored", schedule: created.schedule };
}

function conflict(scheduleId: string): Fault {
  return new Fault("SCHEDULE_ID_CONFLICT", `the id ${scheduleId} belongs to another schedule`, {
    errors: [{ path: "/schedule_id", message: "belongs to another schedule" }],
  });
}

/** Whether it is paused is no part of what was asked: it may have been paused since. */
function isSameSchedule(wish: NewSchedule, stored: ScheduleRecord): boolean {
  const partsOf = ({ ownerId, name, rhythm, task, missed, overlap, startAt, endAt }: NewSchedule) =>
    JSON.parse(JSON.stringify({ ownerId, name, rhythm, task, missed, overlap, startAt, endAt }));
  return isDeepStrictEqual(partsOf(wish), partsOf(stored));
}
