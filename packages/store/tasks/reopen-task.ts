import type { Json } from "@millrace/core";
import { ATTEMPT_NUMBER_MAX } from "@millrace/core/limits";
import type { Sql, Transaction } from "../connect.ts";

export interface Reopening {
  readonly seq: number;
  readonly redrivenBy: number;
  /** Replaces the payload; undefined keeps it. The former one is kept in `redrives`. */
  readonly payload?: Json;
  readonly delayMs: number;
}

/**
 * Invariants 9 and 10: brings a dead or cancelled task back, with its policy and a fresh failure count. False when the
 * task is open, completed, gone, or has used up its attempt numbers.
 *
 * Redrives of one task wait for each other on its row in `tasks`, so that the second sees what became of the first:
 * without the lock, a redrive that looked before another one reopened the task, and wrote after the task had completed,
 * opened it once more.
 */
export async function reopenTask(sql: Sql, reopening: Reopening): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    await transaction`select 1 from tasks where seq = ${reopening.seq} for update`;
    return await reopen(transaction, reopening);
  });
}

async function reopen(sql: Transaction, reopening: Reopening): Promise<boolean> {
  const { seq, redrivenBy, delayMs } = reopening;
  const payload = reopening.payload === undefined ? null : JSON.stringify(reopening.payload);
  const rows = await sql`
    with last as (
      select seq, attempt, kind from outcomes where seq = ${seq} order by attempt desc limit 1
    ), opened as (
      insert into open_tasks (seq, lane, priority, attempt, ready_at)
      select t.seq, t.lane, t.priority, l.attempt, clock_timestamp() + ${delayMs}::bigint * interval '1 millisecond'
      from last l join tasks t on t.seq = l.seq
      where t.seq = ${seq} and l.kind in ('dead', 'cancelled') and l.attempt < ${ATTEMPT_NUMBER_MAX}
        and not exists (select 1 from open_tasks o where o.seq = l.seq)
      returning seq, attempt
    ), recorded as (
      insert into redrives (seq, attempt, redriven_by, previous_payload)
      select o.seq, o.attempt, ${redrivenBy}, case when ${payload}::text is not null then t.payload end
      from opened o join tasks t on t.seq = o.seq where t.seq = ${seq}
    ), patched as (
      update tasks t set payload = ${payload}::text::json from opened o
      where t.seq = ${seq} and t.seq = o.seq and ${payload}::text is not null
    ), raised as (
      delete from dead_letters d using opened o where d.seq = ${seq} and d.seq = o.seq
    )
    select seq from opened`;
  return rows.length === 1;
}
