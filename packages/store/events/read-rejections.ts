import { LEDGER_REJECTIONS_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

/** Records that were accepted and could not be stored, of one kind. */
export interface Rejections {
  readonly reason: string;
  readonly detail: string;
  readonly records: number;
  readonly lastRejectedAt: Date;
  /** The beginning of one of them; bytes that are no ASCII as \\ooo. */
  readonly example: string;
}

/** What was rejected in a span of time, by kind, most first. Both ends in epoch ms; the end is not included. */
export async function readRejections(
  sql: Sql,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<readonly Rejections[]> {
  return await sql<Rejections[]>`
    select reason, detail, count(*)::integer as records, max(rejected_at) as "lastRejectedAt",
      min(encode(substring(record from 1 for 120), 'escape')) as example
    from rejected_events
    where received_at >= to_timestamp(${fromMs / 1000}::float8) and received_at < to_timestamp(${toMs / 1000}::float8)
      and rejected_at >= to_timestamp(${fromMs / 1000}::float8)
    group by reason, detail order by records desc, reason, detail limit ${LEDGER_REJECTIONS_MAX}`;
}
