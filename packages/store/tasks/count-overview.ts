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

/** Tasks that came, or attempts that ended alike: in the same bucket of time, the same way, after about the same time. */
export interface HistoryRow {
  /** Epoch ms of the bucket's start. */
  readonly startMs: number;
  readonly kind: "submitted" | "completed" | "dead" | "failed";
  /** Of the scale that was asked for; null of what never ran. */
  readonly bin: number | null;
  readonly count: number;
}

export interface HistoryWish {
  readonly bucketMs: number;
  readonly spanMs: number;
  /** Run times are counted in bins that grow: so many for each doubling, from the smallest on. */
  readonly scale: { readonly smallestMs: number; readonly perDoubling: number };
}

/**
 * What came and ended in the last while, per bucket, from the newest tasks and outcomes. Ends of tasks that were submitted before are
 * left out: outcomes are found by their task's id, which grows with time.
 */
export async function readHistory(
  sql: Sql,
  { bucketMs, spanMs, scale }: HistoryWish,
): Promise<readonly HistoryRow[]> {
  const spanS = spanMs / 1_000;
  return await sql<HistoryRow[]>`
    select (floor(extract(epoch from ended_at) * 1000 / ${bucketMs}::float8) * ${bucketMs}::float8)::float8 as "startMs",
      kind,
      floor(ln(greatest(extract(epoch from ended_at - started_at)::float8 * 1000 / ${scale.smallestMs}::float8, 1))
        / ln(2::float8) * ${scale.perDoubling}::float8)::integer as bin,
      count(*)::integer as count
    from (
      select kind, started_at, ended_at from outcomes
      where seq >= seq_at(now() - make_interval(secs => ${spanS})) and kind in ('completed', 'dead', 'failed')
      order by seq desc limit ${HISTORY_ROWS_MAX}
    ) latest
    where ended_at >= now() - make_interval(secs => ${spanS})
    group by 1, 2, 3
    union all
    select (floor(((seq >> 12) + 1735689600000)::float8 / ${bucketMs}::float8) * ${bucketMs}::float8)::float8,
      'submitted', null, count(*)::integer
    from (
      select seq from tasks where seq >= seq_at(now() - make_interval(secs => ${spanS}))
      order by seq desc limit ${HISTORY_ROWS_MAX}
    ) newest
    group by 1`;
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
