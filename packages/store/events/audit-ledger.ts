import type { Sql } from "../connect.ts";

/** Messages that were acknowledged to an api process, and are in no ledger row. */
export interface LedgerGap {
  readonly instance: string;
  readonly firstOrdinal: number;
  readonly lastOrdinal: number;
  readonly messages: number;
  /** In those messages; null when nobody can tell. */
  readonly events: number | null;
  /** When the message after them arrived, or when their api process told of the last one. */
  readonly receivedAt: Date;
}

export interface AuditWish {
  /** Looks at what was recorded within this time. */
  readonly sinceMs: number;
  /** A gap before what was recorded a moment ago may still be filled: messages are not recorded in order. */
  readonly graceMs: number;
  /** Everything that the stream took before this moment was delivered and recorded; null when nobody knows. */
  readonly settledAt: Date | null;
}

/** The database's clock, by which it judges what is old enough. */
export async function readClock(sql: Sql): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select clock_timestamp() as now`;
  if (row === undefined) throw new Error("the database does not tell the time");
  return row.now;
}

/**
 * Gaps in the ordinals of api processes: each counts its messages without gaps, and tells which ones it gave up. The
 * first message of a process is number 1, so what is missing before it shows, too. What is missing behind the last one
 * shows by the mark that its process has told.
 */
export async function findLedgerGaps(sql: Sql, wish: AuditWish): Promise<readonly LedgerGap[]> {
  const { sinceMs, graceMs, settledAt } = wish;
  const grace = sql`${graceMs} * interval '1 millisecond'`;
  return await sql<LedgerGap[]>`
    with recent as materialized (
      select instance, ordinal, events_before, received_at, recorded_at, lag(ordinal) over own as previous,
        lag(events_before + events) over own as previous_events
      from event_batches
      where recorded_at >= clock_timestamp() - ${sinceMs} * interval '1 millisecond' and instance <> ''
      window own as (partition by instance order by ordinal)
    ), candidates as (
      select r.instance, r.ordinal, r.events_before, r.received_at,
        coalesce(r.previous, b.ordinal, m.checked_ordinal, 0) as previous,
        case when r.previous is not null then r.previous_events when b.ordinal is not null then b.events
          else coalesce(m.checked_events, 0) end as previous_events
      from recent r
      left join lateral (${lastRecorded(sql)} and b.ordinal < r.ordinal order by b.ordinal desc limit 1) b
        on r.previous is null
      left join event_marks m on m.instance = r.instance and m.checked_ordinal < r.ordinal
      where (r.previous is null or r.ordinal > r.previous + 1) and r.recorded_at < clock_timestamp() - ${grace}
      union all
      select r.instance, r.ordinal + 1, r.events, r.told_at, coalesce(b.ordinal, r.checked_ordinal),
        case when b.ordinal is not null then b.events else r.checked_events end
      from event_marks r left join lateral (${lastRecorded(sql)} order by b.ordinal desc limit 1) b on true
      where r.checked_ordinal < r.ordinal and r.told_at < ${settledAt}::timestamptz - ${grace}
    ), gaps as (
      select c.instance, c.previous + 1 as first_ordinal, c.ordinal - 1 as last_ordinal, c.received_at,
        c.ordinal - 1 - c.previous - v.messages as messages,
        c.events_before - c.previous_events - v.events as events
      from candidates c cross join lateral (
        select count(*) as messages, case when count(*) = count(events) then coalesce(sum(events), 0) end as events
        from event_voids v
        where v.instance = c.instance and v.ordinal > c.previous and v.ordinal < c.ordinal
      ) v where c.ordinal > c.previous + 1
    )
    select instance, first_ordinal as "firstOrdinal", last_ordinal as "lastOrdinal", messages,
      events::bigint as events, received_at as "receivedAt"
    from gaps where messages > 0 order by received_at limit ${GAPS_MAX}`;
}

const GAPS_MAX = 1_000;

function lastRecorded(sql: Sql) {
  return sql`select b.ordinal, b.events_before + b.events as events from event_batches b where b.instance = r.instance`;
}

export interface Losses {
  readonly messages: number;
  /** Where nobody can tell how many there were, one for each message. */
  readonly events: number;
}

/**
 * Notes new gaps and those that have grown, forgets those that were filled meanwhile, and returns what is missing now.
 * Marks that lie before `settledAt` are looked at only once: what is missing before them is noted here.
 */
export async function noteLosses(
  sql: Sql,
  gaps: readonly LedgerGap[],
  { settledAt, graceMs }: Pick<AuditWish, "settledAt" | "graceMs">,
): Promise<Losses & { readonly added: readonly LedgerGap[] }> {
  const added = await noteGaps(sql, gaps);
  await sql`
    delete from event_losses l where not exists (
      select 1 from generate_series(l.first_ordinal, least(l.last_ordinal, l.first_ordinal + 100000)) missing(ordinal)
      where not exists (select 1 from event_batches b where b.instance = l.instance and b.ordinal = missing.ordinal)
        and not exists (select 1 from event_voids v where v.instance = l.instance and v.ordinal = missing.ordinal))`;
  // A full page of gaps may have left out some of them.
  if (settledAt !== null && gaps.length < GAPS_MAX)
    await sql`
      update event_marks set checked_ordinal = ordinal, checked_events = events
      where checked_ordinal < ordinal and told_at < ${settledAt}::timestamptz - ${graceMs} * interval '1 millisecond'`;
  return { ...(await readLosses(sql)), added };
}

/** What was accepted, and is neither in the ledger nor in the stream. */
export async function readLosses(sql: Sql): Promise<Losses> {
  const [row] = await sql<Losses[]>`
    select coalesce(sum(messages), 0)::bigint as messages, coalesce(sum(coalesce(events, messages)), 0)::bigint as events
    from event_losses`;
  return row ?? { messages: 0, events: 0 };
}

async function noteGaps(sql: Sql, gaps: readonly LedgerGap[]): Promise<readonly LedgerGap[]> {
  if (gaps.length === 0) return [];
  const rows = await sql<{ instance: string; first_ordinal: number }[]>`
    insert into event_losses as l (instance, first_ordinal, last_ordinal, messages, events, received_at)
    select distinct on (1, 2) * from json_to_recordset(${JSON.stringify(gaps)}::text::json) as x(
      "instance" text, "firstOrdinal" bigint, "lastOrdinal" bigint, "messages" bigint, "events" bigint,
      "receivedAt" timestamptz) order by 1, 2, 3 desc
    on conflict (instance, first_ordinal) do update set last_ordinal = excluded.last_ordinal,
      messages = excluded.messages, events = excluded.events, received_at = excluded.received_at
    where l.last_ordinal < excluded.last_ordinal
    returning instance, first_ordinal`;
  const isNew = new Set(rows.map((row) => `${row.instance}:${row.first_ordinal}`));
  return gaps.filter((gap) => isNew.has(`${gap.instance}:${gap.firstOrdinal}`));
}
