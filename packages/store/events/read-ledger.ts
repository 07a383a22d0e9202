import type { Sql } from "../connect.ts";

/** What arrived in one minute, and how it ended. */
export interface LedgerMinute {
  readonly minuteMs: number;
  readonly accepted: number;
  readonly stored: number;
  readonly rejected: number;
  readonly deduplicated: number;
  /** Records answered with a refusal; they count in no other field. */
  readonly refused: number;
  /** Messages that the ledger misses, and that arrived before one of this minute. */
  readonly lostMessages: number;
  /** In those; where nobody can tell, one for each message. */
  readonly lostEvents: number;
}

/** By minute of arrival, oldest first. Both ends in epoch ms; the end is not included. */
export async function readLedger(
  sql: Sql,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<readonly LedgerMinute[]> {
  const from = sql`to_timestamp(${fromMs / 1000}::float8)`;
  const to = sql`to_timestamp(${toMs / 1000}::float8)`;
  return await sql<LedgerMinute[]>`
    select (extract(epoch from minute) * 1000)::bigint as "minuteMs", sum(events)::bigint as accepted,
      sum(stored)::bigint as stored, sum(rejected)::bigint as rejected, sum(deduplicated)::bigint as deduplicated,
      sum(refused)::bigint as refused, sum(lost)::bigint as "lostMessages", sum(lost_events)::bigint as "lostEvents"
    from (
      select date_trunc('minute', received_at) as minute, events, stored, rejected, deduplicated, refused, 0 as lost, 0 as lost_events
      from event_batches where received_at >= ${from} and received_at < ${to}
      union all
      select date_trunc('minute', received_at), 0, 0, 0, 0, 0, messages, coalesce(events, messages)
      from event_losses where received_at >= ${from} and received_at < ${to}
    ) entries group by minute order by minute`;
}
