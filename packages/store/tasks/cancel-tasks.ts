import type { Sql } from "../connect.ts";
import { storableText } from "./hostile-content.ts";

export interface CancelledOne {
  readonly seq: number;
  readonly taskId: string;
  /** The number that the cancellation stands under: that of the running attempt, or the next one. */
  readonly attempt: number;
  /** Who ran it, when somebody did: its worker is to be told. */
  readonly session: string | null;
}

/** Invariant 8 for many tasks in one statement. Those that are not open any more are left out. */
export async function cancelTasks(
  sql: Sql,
  seqs: readonly number[],
  reason: string,
): Promise<readonly CancelledOne[]> {
  return await sql<CancelledOne[]>`
    with held as materialized (
      select seq from open_tasks where seq = any(${[...seqs]}::bigint[]) order by seq for update
    ), ended as (
      delete from open_tasks where seq = any(array(select seq from held))
      returning seq, attempt + (claimed_by is null)::integer as attempt, claimed_by, claimed_at
    ), recorded as (
      insert into outcomes (seq, attempt, kind, claimed_by, started_at, ended_at, error_code, error_message)
      select seq, attempt, 'cancelled', claimed_by, case when claimed_by is not null then claimed_at end,
        clock_timestamp(), 'CANCELLED', ${storableText(reason)}
      from ended
    )
    select seq, attempt, claimed_by as session, (select t.task_id from tasks t where t.seq = ended.seq) as "taskId"
    from ended order by seq`;
}
