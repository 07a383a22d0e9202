import { SCHEDULES_PER_OWNER_MAX } from "@millrace/core/limits";
import type { Sql, Transaction } from "../connect.ts";
import {
  anchorOf,
  firstRunOf,
  type Rhythm,
  SCHEDULE_COLUMNS,
  type ScheduleRecord,
  type ScheduleRow,
  type ScheduleWish,
  toSchedule,
} from "./schedule-record.ts";

export type Creation =
  | { readonly kind: "stored"; readonly schedule: ScheduleRecord }
  | { readonly kind: "taken"; readonly schedule: ScheduleRecord }
  /** The owner has SCHEDULES_PER_OWNER_MAX already. */
  | { readonly kind: "full" };

/** Stores a schedule; its first run is reckoned from the database's clock. An id that is taken stays as it is. */
export async function createSchedule(sql: Sql, wish: ScheduleWish): Promise<Creation> {
  return await sql.begin(async (transaction) => {
    const now = await clockOf(transaction);
    const found = await findIn(transaction, wish.scheduleId);
    if (found !== null) return { kind: "taken", schedule: found };
    // One at a time for each owner, so that the count is right.
    await transaction`select pg_advisory_xact_lock(${OWNER_LOCKS}, ${wish.ownerId % 2 ** 31})`;
    const [{ count } = { count: 0 }] = await transaction<{ count: number }[]>`
      select count(*)::integer as count from schedules where owner_id = ${wish.ownerId}`;
    if (count >= SCHEDULES_PER_OWNER_MAX) return { kind: "full" };
    const schedule = await insert(transaction, wish, now);
    if (schedule !== null) return { kind: "stored", schedule };
    const taken = await findIn(transaction, wish.scheduleId);
    if (taken === null) throw new Error(`the schedule ${wish.scheduleId} was deleted at the same moment`);
    return { kind: "taken", schedule: taken };
  });
}

/** The first key of the advisory locks taken here; the second is the owner. */
const OWNER_LOCKS = 7_001;

async function insert(sql: Transaction, wish: ScheduleWish, now: Date): Promise<ScheduleRecord | null> {
  const anchorAt = anchorOf(wish, now);
  const row = {
    ...columnsOf(sql, wish, { anchorAt, now }),
    schedule_id: wish.scheduleId,
    owner_id: wish.ownerId,
    created_at: now,
    updated_at: now,
  };
  const [stored] = await sql<ScheduleRow[]>`
    insert into schedules ${sql(row)} on conflict (schedule_id) do nothing
    returning ${sql.unsafe(SCHEDULE_COLUMNS)}`;
  return stored === undefined ? null : toSchedule(stored);
}

interface Moments {
  readonly anchorAt: Date;
  readonly now: Date;
}

function columnsOf(sql: Transaction, wish: ScheduleWish, { anchorAt, now }: Moments) {
  const nextRunAt = firstRunOf(wish, anchorAt, now);
  return {
    name: wish.name,
    ...rhythmColumns(wish.rhythm),
    anchor_at: anchorAt,
    task: sql.json(JSON.parse(JSON.stringify(wish.task))),
    missed: wish.missed,
    overlap: wish.overlap,
    start_at: wish.startAt,
    end_at: wish.endAt,
    is_paused: wish.isPaused,
    next_run_at: nextRunAt,
    wake_at: nextRunAt,
    held_since: null,
    problem: null,
  };
}

function rhythmColumns(rhythm: Rhythm) {
  return rhythm.kind === "cron"
    ? { cron: rhythm.expression, time_zone: rhythm.timeZone, every_s: null }
    : { cron: null, time_zone: "UTC", every_s: rhythm.seconds };
}

async function clockOf(sql: Transaction): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select clock_timestamp() as now`;
  return row?.now ?? new Date();
}

export async function findSchedule(sql: Sql, scheduleId: string): Promise<ScheduleRecord | null> {
  return await findIn(sql, scheduleId);
}

async function findIn(sql: Sql | Transaction, scheduleId: string): Promise<ScheduleRecord | null> {
  const [row] = await sql<ScheduleRow[]>`
    select ${sql.unsafe(SCHEDULE_COLUMNS)} from schedules where schedule_id = ${scheduleId}`;
  return row === undefined ? null : toSchedule(row);
}

export interface SchedulePage {
  /** Only this owner's; null for everybody's. */
  readonly ownerId: number | null;
  readonly limit: number;
  /** The page after this id. */
  readonly after?: string | undefined;
}

/** By id. */
export async function listSchedules(sql: Sql, page: SchedulePage): Promise<readonly ScheduleRecord[]> {
  const { ownerId, after = "", limit } = page;
  const rows = await sql<ScheduleRow[]>`
    select ${sql.unsafe(SCHEDULE_COLUMNS)} from schedules
    where schedule_id > ${after} ${ownerId === null ? sql`` : sql`and owner_id = ${ownerId}`}
    order by schedule_id limit ${limit}`;
  return rows.map(toSchedule);
}

/**
 * Changes a schedule under its lock. When it runs next is reckoned anew, from now: ticks that were due and not run yet
 * are forgotten with the former rhythm. Null when it is gone.
 */
export async function changeSchedule(
  sql: Sql,
  scheduleId: string,
  change: (schedule: ScheduleRecord) => ScheduleWish,
): Promise<ScheduleRecord | null> {
  return await sql.begin(async (transaction) => {
    const [found] = await transaction<ScheduleRow[]>`
      select ${transaction.unsafe(SCHEDULE_COLUMNS)} from schedules where schedule_id = ${scheduleId} for update`;
    if (found === undefined) return null;
    const before = toSchedule(found);
    const wish = change(before);
    const now = await clockOf(transaction);
    const anchorAt = wish.startAt === null ? before.anchorAt : anchorOf(wish, now);
    const columns = {
      ...columnsOf(transaction, wish, { anchorAt, now }),
      ...(isSamePace(before, wish) && { next_run_at: before.nextRunAt, held_since: before.heldSince }),
    };
    const row = { ...columns, wake_at: columns.next_run_at, version: before.version + 1, updated_at: now };
    const [changed] = await transaction<ScheduleRow[]>`
      update schedules set ${transaction(row)} where schedule_id = ${scheduleId}
      returning ${transaction.unsafe(SCHEDULE_COLUMNS)}`;
    return changed === undefined ? null : toSchedule(changed);
  });
}

/** A change of the task or of the policies moves no tick. */
function isSamePace(before: ScheduleRecord, wish: ScheduleWish): boolean {
  const paceOf = ({ rhythm, startAt, endAt, isPaused }: ScheduleWish) =>
    JSON.stringify([rhythm.kind, Object.values(rhythm), startAt, endAt, isPaused]);
  return paceOf(before) === paceOf(wish);
}

/** With what it remembers of its runs; their tasks stay. False when it was gone. */
export async function deleteSchedule(sql: Sql, scheduleId: string): Promise<boolean> {
  const rows = await sql`delete from schedules where schedule_id = ${scheduleId} returning 1`;
  return rows.length === 1;
}

export interface ScheduleRun {
  readonly tickAt: Date;
  /** `skipped`: an earlier run was not finished. `triggered`: somebody asked for it. */
  readonly kind: "fired" | "skipped" | "triggered";
  readonly taskId: string | null;
  readonly madeAt: Date;
}

/** The newest first. */
export async function listScheduleRuns(
  sql: Sql,
  scheduleId: string,
  limit: number,
): Promise<readonly ScheduleRun[]> {
  return await sql<ScheduleRun[]>`
    select tick_at as "tickAt", kind, task_id as "taskId", made_at as "madeAt" from schedule_runs
    where schedule_id = ${scheduleId} order by tick_at desc limit ${limit}`;
}
