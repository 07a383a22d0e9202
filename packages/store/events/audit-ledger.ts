import type { Sql } from "../connect.ts";

/** Messages that were acknowledged to an api process, and are in no ledger row. */
export interface LedgerGap {
  readonly instance: string;
  readonly firstOrdinal: number;
  readonly lastOrdinal: number;
  readonly messages: number;
  /** When the message after them arrived. */
  readonly receivedAt: Date;
}

export interface AuditWish {
  /** Looks at what was recorded within this time. */
  readonly sinceMs: number;
  /** A gap before what was recorded a moment ago may still be filled: messages are not recorded in order. */
  readonly graceMs: number;
}

/**
 * Gaps in the ordinals of api processes: each counts its messages without gaps, and tells which ones it gave up. The
 * first message of a process is number 1, so what is missing before it shows, too; what is missing after the last one
 * shows with the next message.
 */
export async function findLedgerGaps(
  sql: Sql,
  { sinceMs, graceMs }: AuditWish,
): Promise<readonly LedgerGap[]> {
  return await sql<LedgerGap[]>`
    with recent as materialized (
      select instance, ordinal, received_at, recorded_at,
        lag(ordinal) over (partition by instance order by ordinal) as previous
      from event_batches
      where recorded_at >= clock_timestamp() - ${sinceMs} * interval '1 millisecond' and instance <> ''
    ), neighbours as (
      select instance, ordinal, received_at, recorded_at, coalesce(previous, (
        select max(b.ordinal) from event_batches b
        where b.instance = r.instance and b.ordinal < r.ordinal), 0) as previous
      from recent r where previous is null or ordinal > previous + 1
    ), gaps as (
      select instance, previous + 1 as first_ordinal, ordinal - 1 as last_ordinal, received_at,
        ordinal - 1 - previous - (select count(*) from event_voids v where v.instance = n.instance
          and v.ordinal > previous and v.ordinal < n.ordinal) as messages
      from neighbours n
      where ordinal > previous + 1
        and recorded_at < clock_timestamp() - ${graceMs} * interval '1 millisecond'
    )
    select instance, first_ordinal as "firstOrdinal", last_ordinal as "lastOrdinal", messages,
      received_at as "receivedAt"
    from gaps where messages > 0 order by received_at limit ${GAPS_MAX}`;
}

const GAPS_MAX = 1_000;

/** Notes new gaps, forgets those that were filled meanwhile, and returns what is missing now. */
export async function noteLosses(
  sql: Sql,
  gaps: readonly LedgerGap[],
): Promise<{ readonly messages: number; readonly added: readonly LedgerGap[] }> {
  const added = await noteGaps(sql, gaps);
  await sql`
    delete from event_losses l where not exists (
      select 1 from generate_series(l.first_ordinal, least(l.last_ordinal, l.first_ordinal + 100000)) missing(ordinal)
      where not exists (select 1 from event_batches b where b.instance = l.instance and b.ordinal = missing.ordinal)
        and not exists (select 1 from event_voids v where v.instance = l.instance and v.ordinal = missing.ordinal))`;
  const [row] = await sql<{ messages: number }[]>`
    select coalesce(sum(messages), 0)::bigint as messages from event_losses`;
  return { messages: row?.messages ?? 0, added };
}

async function noteGaps(sql: Sql, gaps: readonly LedgerGap[]): Promise<readonly LedgerGap[]> {
  if (gaps.length === 0) return [];
  const rows = await sql<{ instance: string; first_ordinal: number }[]>`
    insert into event_losses (instance, first_ordinal, last_ordinal, messages, received_at)
    select * from json_to_recordset(${JSON.stringify(gaps)}::text::json) as x(
      "instance" text, "firstOrdinal" bigint, "lastOrdinal" bigint, "messages" bigint, "receivedAt" timestamptz)
    on conflict (instance, first_ordinal) do nothing returning instance, first_ordinal`;
  const isNew = new Set(rows.map((row) => `${row.instance}:${row.first_ordinal}`));
  return gaps.filter((gap) => isNew.has(`${gap.instance}:${gap.firstOrdinal}`));
}
