import type { Sql } from "../connect.ts";
import type { Recorded } from "./batch-record.ts";

export interface RecordedBatches {
  /** The first message that the ledger still holds; null when it holds none. What lies before it was recorded once. */
  readonly oldestSeq: number | null;
  readonly recorded: ReadonlyMap<number, Recorded>;
}

/** What the ledger says about messages of the stream, by sequence. */
export async function readRecorded(sql: Sql, seqs: readonly number[]): Promise<RecordedBatches> {
  const rows = await sql<Recorded[]>`
    select stream_seq as seq, stored, rejected, deduplicated
    from event_batches where stream_seq = any(${[...seqs]}::bigint[]) order by recorded_at`;
  const [oldest] = await sql<{ seq: number | null }[]>`select min(stream_seq) as seq from event_batches`;
  return { oldestSeq: oldest?.seq ?? null, recorded: new Map(rows.map((row) => [row.seq, row])) };
}

/** Sequences of a range that the ledger misses, the first ones. */
export async function findUnrecorded(
  sql: Sql,
  range: { readonly first: number; readonly last: number; readonly limit: number },
): Promise<readonly number[]> {
  const { first, last, limit } = range;
  // Gaps between neighbours: the range may span a million messages, and its gaps are few.
  const gaps = await sql<{ after: number; before: number }[]>`
    select * from (
      select coalesce(lag(stream_seq) over (order by stream_seq), ${first}::bigint - 1) as after, stream_seq as before
      from (
        select distinct stream_seq from event_batches where stream_seq between ${first} and ${last}
        union select ${last}::bigint + 1
      ) known
    ) neighbours where before > after + 1 order by after limit ${limit}`;
  const missing: number[] = [];
  for (const { after, before } of gaps)
    for (let seq = after + 1; seq < before && missing.length < limit; seq++) missing.push(seq);
  return missing;
}

/**
 * How far the stream may be purged: the last sequence that is older than the window, or that must go for what follows
 * to fit into its bytes. Null when nothing may go.
 */
export async function findReplayEdge(
  sql: Sql,
  window: {
    readonly firstSeq: number;
    readonly lastSeq: number;
    readonly ageMs: number;
    readonly excessBytes: number;
  },
): Promise<number | null> {
  const { firstSeq, lastSeq, ageMs, excessBytes } = window;
  const [row] = await sql<{ seq: number | null }[]>`
    select max(stream_seq) as seq from (
      select stream_seq, recorded_at, sum(bytes) over (order by stream_seq) - bytes as bytes_before
      from event_batches where stream_seq between ${firstSeq} and ${lastSeq}
    ) kept
    where bytes_before < ${excessBytes} or recorded_at < clock_timestamp() - ${ageMs} * interval '1 millisecond'`;
  return row?.seq ?? null;
}
