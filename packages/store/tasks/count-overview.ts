import type { Sql } from "../connect.ts";

/** Open tasks counted at most; beyond, counting would cost more than the number is worth. */
export const OPEN_COUNTED_MAX = 100_000;
const DEAD_COUNTED_MAX = 10_000;
/** Outcomes read at most for the history after a start: a second of reading, once. */
const HISTORY_ROWS_MAX = 200_000;
/** Tasks of one owner that are looked at. */
const OWN_ROWS_MAX = 2_000;

export interface OpenCounts {
  readonly waiting: number;
  readonly scheduled: number;
  readonly queued: number;
  readonly retryWait: number;
  readonly running: number;
  /** There are more than OPEN_COUNTED_MAX; the numbers are those of as many. */
  readonly isCapped: boolean;
  readonly deadLetters: number;
  readonly areDeadLettersCapped: boolean;
}

interface OpenRow {
  readonly waiting: number;
  readonly scheduled: number;
  readonly queued: number;
  readonly retry_wait: number;
  readonly running: number;
  readonly dead: number;
}

/** Where the open tasks stand, parked ones among the queued, by one statement whose cost is bounded: 8 ms for 100 000 open tasks. */
export async function countOpen(sql: Sql): Promise<OpenCounts> {
  const [row] = await sql<OpenRow[]>`
    select
      count(*) filter (where claimed_by is not null)::integer as running,
      count(*) filter (where claimed_by is null and waiting_for > 0)::integer as waiting,
      count(*) filter (where claimed_by is null and waiting_for <= 0 and (ready_at <= now() or ready_at = 'infinity'))::integer as queued,
      count(*) filter (where claimed_by is null and waiting_for <= 0 and ready_at > now() and ready_at < 'infinity' and attempt = 0)::integer as scheduled,
      count(*) filter (where claimed_by is null and waiting_for <= 0 and ready_at > now() and ready_at < 'infinity' and attempt > 0)::integer as retry_wait,
      (select count(*)::integer from (select 1 from dead_letters limit ${DEAD_COUNTED_MAX + 1}) d) as dead
    from (select claimed_by, waiting_for, ready_at, attempt from open_tasks limit ${OPEN_COUNTED_MAX + 1}) o`;
  const {
    waiting = 0,
    scheduled = 0,
    queued = 0,
    retry_wait: retryWait = 0,
    running = 0,
    dead = 0,
  } = row ?? {};
  return {
    ...{ waiting, scheduled, queued, retryWait, running },
    isCapped: waiting + scheduled + queued + retryWait + running > OPEN_COUNTED_MAX,
    deadLetters: Math.min(dead, DEAD_COUNTED_MAX),
    areDeadLettersCapped: dead > DEAD_COUNTED_MAX,
  };
}

export interface HistoryRow {
  /** Epoch ms of the bucket's start. */
  readonly startMs: number;
  readonly completed: number;
  readonly dead: number;
  readonly failed: number;
  /** Run times of the bucket's attempts; null without any. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/**
 * What ended in the last while, per bucket, from the newest outcomes. Tasks that were submitted before are left out:
 * outcomes are found by their task's id, which grows with time.
 */
export async function readHistory(
  sql: Sql,
  { bucketMs, spanMs }: { readonly bucketMs: number; readonly spanMs: number },
): Promise<readonly HistoryRow[]> {
  const rows = await sql<
    { start: number; completed: number; dead: number; failed: number; run_ms: number[] | null }[]
  >`
    select (floor(extract(epoch from ended_at) * 1000 / ${bucketMs}::float8) * ${bucketMs}::float8)::float8 as start,
      count(*) filter (where kind = 'completed')::integer as completed,
      count(*) filter (where kind = 'dead')::integer as dead,
      count(*) filter (where kind = 'failed')::integer as failed,
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from ended_at - started_at) * 1000)
        filter (where started_at is not null)::float8[] as run_ms
    from (
      select kind, started_at, ended_at from outcomes
      where seq >= seq_at(now() - make_interval(secs => ${spanMs / 1_000})) and kind in ('completed', 'dead', 'failed')
      order by seq desc limit ${HISTORY_ROWS_MAX}
    ) latest
    where ended_at >= now() - make_interval(secs => ${spanMs / 1_000})
    group by 1 order by 1`;
  return rows.map(({ start, completed, dead, failed, run_ms }) => {
    const [p50 = null, p95 = null, p99 = null] = run_ms ?? [];
    return { startMs: start, completed, dead, failed, p50, p95, p99 };
  });
}

export interface OwnCounts {
  readonly ownerId: number;
  readonly pending: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** How each owner's newest tasks of the last hour stand: one statement for all owners who look. */
export async function countOwn(sql: Sql, ownerIds: readonly number[]): Promise<readonly OwnCounts[]> {
  return await sql<OwnCounts[]>`
    select w.owner_id as "ownerId",
      count(*) filter (where t.seq is not null and o.seq is not null and o.claimed_by is null)::integer as pending,
      count(*) filter (where o.claimed_by is not null)::integer as running,
      count(*) filter (where o.seq is null and l.kind = 'completed')::integer as completed,
      count(*) filter (where o.seq is null and l.kind = 'dead')::integer as failed,
      count(*) filter (where o.seq is null and l.kind = 'cancelled')::integer as cancelled
    from unnest(${[...ownerIds]}::bigint[]) w(owner_id)
    left join lateral (
      select seq from tasks where owner_id = w.owner_id and seq >= seq_at(now() - interval '1 hour')
      order by seq desc limit ${OWN_ROWS_MAX}
    ) t on true
    left join lateral (select seq, claimed_by from open_tasks p where p.seq = t.seq) o on true
    left join lateral (select kind from outcomes e where e.seq = t.seq order by e.attempt desc limit 1) l on true
    group by w.owner_id`;
}
