import { type DueTicks, dueTicks } from "@millrace/core";
import { SCHEDULE_HELD_LOOK_MS, SCHEDULE_TICKS_AT_ONCE_MAX } from "@millrace/core/limits";
import { cadenceOf, type ScheduleRecord } from "./schedule-record.ts";

/** What is done about a schedule that is due. Times are epoch milliseconds. */
export interface FiringPlan {
  readonly schedule: ScheduleRecord;
  /** Ticks that make a task each. */
  readonly fired: readonly number[];
  /** Ticks that make none, because an earlier run is not finished. */
  readonly skipped: readonly number[];
  /** True: ticks were missed, and nothing runs for them. */
  readonly hasMissed: boolean;
  readonly nextMs: number | null;
  readonly wakeMs: number | null;
  readonly heldSinceMs: number | null;
}

/** Pure. `isBusy`: an earlier run of it is not finished. */
export function planFiring(schedule: ScheduleRecord, nowMs: number, isBusy: boolean): FiringPlan {
  const dueMs = schedule.nextRunAt?.getTime();
  if (dueMs === undefined) return nothing(schedule);
  if (schedule.overlap === "queue" && isBusy) return held(schedule, dueMs, nowMs);
  const due = dueTicks({
    cadence: cadenceOf(schedule.rhythm, schedule.anchorAt),
    missed: schedule.missed,
    dueMs,
    nowMs,
    endMs: schedule.endAt?.getTime() ?? null,
    heldSinceMs: schedule.heldSince?.getTime() ?? null,
    limit: schedule.overlap === "queue" ? 1 : SCHEDULE_TICKS_AT_ONCE_MAX,
  });
  // Of several that are due together the first one is unfinished when the second one comes.
  const runs = schedule.overlap === "skip" ? Number(!isBusy) : due.run.length;
  return {
    schedule,
    fired: due.run.slice(0, runs),
    skipped: due.run.slice(runs),
    hasMissed: due.hasSkipped,
    nextMs: due.nextMs,
    wakeMs: due.nextMs,
    heldSinceMs: heldSince(schedule, due, nowMs),
  };
}

function nothing(schedule: ScheduleRecord): FiringPlan {
  const none = { fired: [], skipped: [], hasMissed: false };
  return { schedule, ...none, nextMs: null, wakeMs: null, heldSinceMs: null };
}

function held(schedule: ScheduleRecord, dueMs: number, nowMs: number): FiringPlan {
  return {
    ...nothing(schedule),
    nextMs: dueMs,
    wakeMs: nowMs + SCHEDULE_HELD_LOOK_MS,
    heldSinceMs: schedule.heldSince?.getTime() ?? dueMs,
  };
}

/** What is due beside the one that runs now waits for it. */
function heldSince(schedule: ScheduleRecord, { nextMs }: DueTicks, nowMs: number): number | null {
  if (schedule.overlap !== "queue" || nextMs === null || nextMs > nowMs) return null;
  return schedule.heldSince?.getTime() ?? nextMs;
}
