import type { Json } from "@millrace/core";
import type { Sql } from "../connect.ts";

export interface Reopening {
  readonly seq: number;
  readonly redrivenBy: number;
  /** Replaces the payload; undefined keeps it. The former one is kept in `redrives`. */
  readonly payload?: Json;
  readonly delayMs: number;
}

/**
 * Invariant 9: brings a dead or cancelled task back, with its policy and a fresh failure count. The primary key of
 * open_tasks lets only one of several succeed. False when the task is open, completed, or gone.
 */
export async function reopenTask(sql: Sql, reopening: Reopening): Promise<boolean> {
  const { seq, redrivenBy, delayMs } = reopening;
  const payload = reopening.payload === undefined ? null : JSON.stringify(reopening.payload);
  const rows = await sql`
    with last as (
      select seq, attempt, kind from outcomes where seq = ${seq} order by attempt desc limit 1
    ), opened as (
      insert into open_tasks (seq, lane, priority, attempt, ready_at)
      select t.seq, t.lane, t.priority, l.attempt, clock_timestamp() + ${delayMs}::bigint * interval '1 millisecond'
      from last l join tasks t on t.seq = l.seq
      where l.kind in ('dead', 'cancelled')
      on conflict (seq) do nothing
      returning seq, attempt
    ), recorded as (
      insert into redrives (seq, attempt, redriven_by, previous_payload)
      select o.seq, o.attempt, ${redrivenBy}, case when ${payload}::text is not null then t.payload end
      from opened o join tasks t on t.seq = o.seq
    ), patched as (
      update tasks t set payload = ${payload}::text::json from opened o where t.seq = o.seq and ${payload}::text is not null
    ), raised as (
      delete from dead_letters d using opened o where d.seq = o.seq
    )
    select seq from opened`;
  return rows.length === 1;
}
