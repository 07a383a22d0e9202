import type { Sql, Transaction } from "../connect.ts";
import { storableText } from "./hostile-content.ts";

export interface CancelledTask {
  /** The attempt that was running, when there was one: its worker is to be told. */
  readonly running: { readonly attempt: number; readonly session: string } | null;
}

/**
 * Invariant 8: ends an open task as cancelled, also while it runs; the running attempt's own outcome will be refused.
 * A cancellation between attempts takes the next attempt's number. Null when the task is not open any more.
 */
export async function cancelTask(
  sql: Sql | Transaction,
  seq: number,
  reason: string,
): Promise<CancelledTask | null> {
  const [row] = await sql<{ attempt: number; claimed_by: string | null }[]>`
    with ended as (
      delete from open_tasks where seq = ${seq} returning seq, attempt, claimed_by, claimed_at
    ), recorded as (
      insert into outcomes (seq, attempt, kind, claimed_by, started_at, ended_at, error_code, error_message)
      select seq, attempt + (claimed_by is null)::integer, 'cancelled', claimed_by,
        case when claimed_by is not null then claimed_at end, clock_timestamp(), 'CANCELLED', ${storableText(reason)}
      from ended
    )
    select attempt, claimed_by from ended`;
  if (row === undefined) return null;
  const { attempt, claimed_by: session } = row;
  return { running: session === null ? null : { attempt, session } };
}
