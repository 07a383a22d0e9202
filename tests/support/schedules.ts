import { createSchedule, type ScheduleRecord, type ScheduleWish, type Sql } from "@millrace/store";

export function scheduleWish(overrides: Partial<ScheduleWish> = {}): ScheduleWish {
  return {
    scheduleId: "each-second",
    ownerId: 1,
    name: "each second",
    rhythm: { kind: "cron", expression: "* * * * * *", timeZone: "UTC" },
    task: {
      task_type: "simulate",
      lane: "short",
      priority: 5,
      payload: { duration_ms: 0 },
      timeout_s: 30,
      max_attempts: 3,
      backoff: { initial_ms: 1, factor: 2, max_ms: 10, jitter: true },
      tenant: null,
    },
    missed: "catch_up",
    overlap: "allow",
    startAt: null,
    endAt: null,
    isPaused: false,
    ...overrides,
  };
}

/** Stores a schedule that must be new. */
export async function newSchedule(sql: Sql, overrides: Partial<ScheduleWish> = {}): Promise<ScheduleRecord> {
  const created = await createSchedule(sql, scheduleWish(overrides));
  if (created.kind !== "stored") throw new Error(`the schedule is ${created.kind}`);
  return created.schedule;
}

/** Makes it due since `seconds` ago, as if no scheduler had been there. */
export async function neglect(sql: Sql, scheduleId: string, seconds: number): Promise<void> {
  await sql`
    update schedules set next_run_at = date_trunc('second', clock_timestamp()) - ${seconds} * interval '1 second',
      wake_at = date_trunc('second', clock_timestamp()) - ${seconds} * interval '1 second',
      anchor_at = date_trunc('second', clock_timestamp()) - ${seconds} * interval '1 second'
    where schedule_id = ${scheduleId}`;
}
