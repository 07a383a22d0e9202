import { MISSED_POLICIES, nextTicks, OVERLAP_POLICIES } from "@millrace/core";
import { SCHEDULE_PREVIEW_TICKS } from "@millrace/core/limits";
import { cadenceOf, type ScheduleRecord, type ScheduleRun } from "@millrace/store";
import { t } from "elysia";
import { isoTime } from "../http/iso-time.ts";
import { choice, strict } from "../http/schema.ts";

const time = () => t.String({ format: "date-time" });

const SCHEDULE_FIELDS = {
  schedule_id: t.String(),
  name: t.String(),
  status: choice(["active", "paused", "ended"]),
  cron: t.Nullable(t.String()),
  time_zone: t.Nullable(t.String()),
  every: t.Nullable(t.Integer({ description: "Seconds." })),
  task: t.Unknown(),
  missed: choice(MISSED_POLICIES),
  overlap: choice(OVERLAP_POLICIES),
  start_at: t.Nullable(time()),
  end_at: t.Nullable(time()),
  next_runs: t.Array(time(), { description: `The next ${SCHEDULE_PREVIEW_TICKS}.` }),
  last_run_at: t.Nullable(time()),
  problem: t.Nullable(t.String({ description: "Why its last tick could not be made." })),
  version: t.Integer({ description: "Grows with each change." }),
  created_at: time(),
  updated_at: time(),
};

export const ScheduleAnswer = strict(SCHEDULE_FIELDS);
export const ScheduleList = strict({
  items: t.Array(ScheduleAnswer),
  limit: t.Integer(),
  next_cursor: t.Nullable(t.String()),
});
export const ScheduleDetail = strict({
  ...SCHEDULE_FIELDS,
  runs: t.Array(
    strict({
      tick: time(),
      kind: choice(["fired", "skipped", "triggered"]),
      task_id: t.Nullable(t.String()),
      made_at: time(),
    }),
    { description: "The last ones, newest first." },
  ),
});

/** A schedule as clients see it. */
export function viewSchedule(schedule: ScheduleRecord) {
  const { rhythm, task } = schedule;
  return {
    schedule_id: schedule.scheduleId,
    name: schedule.name,
    status: statusOf(schedule),
    cron: rhythm.kind === "cron" ? rhythm.expression : null,
    time_zone: rhythm.kind === "cron" ? rhythm.timeZone : null,
    every: rhythm.kind === "every" ? rhythm.seconds : null,
    task: {
      task_type: task.task_type,
      payload: task.payload,
      priority: task.priority,
      lane: task.lane,
      timeout: task.timeout_s,
      max_attempts: task.max_attempts,
      backoff: task.backoff,
      tenant: task.tenant,
      ttl: task.ttl_s ?? null,
    },
    missed: schedule.missed,
    overlap: schedule.overlap,
    start_at: isoTime(schedule.startAt),
    end_at: isoTime(schedule.endAt),
    next_runs: nextRuns(schedule).map((tick) => new Date(tick).toISOString()),
    last_run_at: isoTime(schedule.lastRunAt),
    problem: schedule.problem,
    version: schedule.version,
    created_at: isoTime(schedule.createdAt),
    updated_at: isoTime(schedule.updatedAt),
  };
}

export function viewRun(run: ScheduleRun) {
  return {
    tick: isoTime(run.tickAt),
    kind: run.kind,
    task_id: run.taskId,
    made_at: isoTime(run.madeAt),
  };
}

function statusOf({ isPaused, nextRunAt }: ScheduleRecord): "active" | "paused" | "ended" {
  if (isPaused) return "paused";
  return nextRunAt === null ? "ended" : "active";
}

function nextRuns({ rhythm, anchorAt, nextRunAt, endAt }: ScheduleRecord): readonly number[] {
  if (nextRunAt === null) return [];
  const untilMs = endAt?.getTime() ?? Number.POSITIVE_INFINITY;
  const count = SCHEDULE_PREVIEW_TICKS - 1;
  const firstMs = nextRunAt.getTime();
  return [firstMs, ...nextTicks(cadenceOf(rhythm, anchorAt), firstMs, { count, untilMs })];
}
