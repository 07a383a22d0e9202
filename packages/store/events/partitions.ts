import { EVENT_MARK_DAYS } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

/** One recorder at a time. */
const MAKE_LOCK = 7_315_101;
const DROP_LOCK = 7_315_102;
/** Behind whoever waits for a lock everybody else waits, too: better to give up and try again later. */
const LOCK_TIMEOUT = "2s";
const DAY_MS = 86_400_000;
/** Rows that one statement deletes: a statement should not last for seconds. */
const DELETED_AT_ONCE = 20_000;
const ROUNDS_MAX = 500;

/** The day in UTC, as PostgreSQL reads it. */
export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

/**
 * Makes the missing partitions of these days; returns how many it made. Throws SQLSTATE 55P03 when somebody else holds
 * the default partition for too long; then events of such a day go there.
 */
export async function makeEventPartitions(sql: Sql, days: readonly string[]): Promise<number> {
  if (days.length === 0) return 0;
  return await sql.begin(async (transaction) => {
    await transaction`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
    await transaction`select pg_advisory_xact_lock(${MAKE_LOCK})`;
    const [row] = await transaction<{ made: number }[]>`
      select make_event_partitions(${[...days]}::text[]::date[]) as made`;
    return row?.made ?? 0;
  });
}

export interface DroppedEvents {
  /** Days dropped as a whole. */
  readonly days: readonly string[];
  /** Rows deleted from the default partition: late ones, that were kept as long as the others since they came. */
  readonly lateEvents: number;
}

/**
 * Forgets events older than the retention: drops whole days, and deletes what came late and lies in the default
 * partition once it has been there for as long. Rollups, rejected records and requests go along.
 */
export async function dropOldEvents(
  sql: Sql,
  { retentionDays, nowMs }: { readonly retentionDays: number; readonly nowMs: number },
): Promise<DroppedEvents> {
  const cutoff = dayOf(nowMs - retentionDays * DAY_MS);
  const old = await sql<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'events'::regclass and c.relname ~ '^events_[0-9]{8}$'
      and right(c.relname, 8) < ${cutoff.replaceAll("-", "")} order by 1`;
  const days: string[] = [];
  for (const { name } of old) if (await dropDay(sql, name)) days.push(name.slice(-8));
  const before = sql`${cutoff}::date::timestamp at time zone 'UTC'`;
  const lateEvents = await deleteInSteps(
    () => sql`delete from events_default where ctid = any(array(
      select ctid from events_default where ts < ${before} and received_at < ${before} limit ${DELETED_AT_ONCE}))`,
  );
  const isGone = sql`select 1 from events e where e.ts >= r.minute and e.ts < r.minute + interval '1 minute'`;
  await deleteInSteps(
    () => sql`delete from event_rollups where ctid = any(array(
      select r.ctid from event_rollups r where r.minute < ${before} and not exists (${isGone}) limit ${DELETED_AT_ONCE}))`,
  );
  await deleteInSteps(
    () => sql`delete from event_counts where ctid = any(array(
      select r.ctid from event_counts r where r.minute < ${before} and not exists (${isGone}) limit ${DELETED_AT_ONCE}))`,
  );
  await sql`delete from event_rollups_hourly r where r.hour < ${before}
    and not exists (select 1 from event_rollups m where m.minute >= r.hour and m.minute < r.hour + interval '1 hour')`;
  await deleteInSteps(
    () => sql`delete from rejected_events where ctid = any(array(
      select ctid from rejected_events where rejected_at < ${before} limit ${DELETED_AT_ONCE}))`,
  );
  return { days, lateEvents };
}

/** False: somebody else drops it. Throws SQLSTATE 55P03 when readers hold it for too long. */
async function dropDay(sql: Sql, name: string): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    await transaction`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
    const [lock] = await transaction<{ locked: boolean }[]>`
      select pg_try_advisory_xact_lock(${DROP_LOCK}) as locked`;
    if (lock?.locked !== true) return false;
    await transaction`drop table if exists ${transaction(name)}`;
    return true;
  });
}

async function deleteInSteps(step: () => PromiseLike<{ readonly count: number }>): Promise<number> {
  let deleted = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { count } = await step();
    deleted += count;
    if (count < DELETED_AT_ONCE) break;
  }
  return deleted;
}

/**
 * Forgets ledger rows of messages that left the stream, once they are old; and what belongs to them. What the stream
 * still holds stays: it could be delivered again. Returns the ledger rows that went.
 */
export async function forgetOldBatches(
  sql: Sql,
  { firstSeq, ageDays }: { readonly firstSeq: number; readonly ageDays: number },
): Promise<number> {
  const before = sql`clock_timestamp() - ${ageDays} * interval '1 day'`;
  await sql`delete from event_voids where voided_at < ${before}`;
  await sql`delete from event_losses where noticed_at < ${before}`;
  await sql`delete from event_marks where told_at < clock_timestamp() - ${EVENT_MARK_DAYS} * interval '1 day'`;
  await deleteInSteps(
    () => sql`delete from event_requests where ctid = any(array(
      select ctid from event_requests where recorded_at < ${before} limit ${DELETED_AT_ONCE}))`,
  );
  return await deleteInSteps(
    () => sql`delete from event_batches where ctid = any(array(
      select ctid from event_batches where recorded_at < ${before} and stream_seq < ${firstSeq} limit ${DELETED_AT_ONCE}))`,
  );
}
