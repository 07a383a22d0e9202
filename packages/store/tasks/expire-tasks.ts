import type { Sql } from "../connect.ts";

const MESSAGE = "it had not started when its time to live was over";

/**
 * Ends tasks that have not started by their time: dead, with EXPIRED, without an attempt. Whoever has started by then
 * stays as it is. Several schedulers take different ones. Returns how many deadlines were looked at, and how many tasks
 * ended by them.
 */
export async function expireTasks(
  sql: Sql,
  limit: number,
): Promise<{ readonly looked: number; readonly expired: number }> {
  const [row] = await sql<{ looked: number; expired: number }[]>`
    with due as materialized (
      select seq from task_deadlines where expires_at <= statement_timestamp()
      order by expires_at limit ${limit} for update skip locked
    ), gone as (
      delete from task_deadlines where seq = any(array(select seq from due))
    ), ended as (
      delete from open_tasks o
      where o.seq = any(array(select seq from due)) and o.attempt = 0 and coalesce(o.claimed_by, '') = ''
      returning o.seq, o.lane
    ), recorded as (
      insert into outcomes (seq, attempt, kind, ended_at, error_code, error_message)
      select seq, 1, 'dead', clock_timestamp(), 'EXPIRED', ${MESSAGE} from ended
    ), buried as (
      insert into dead_letters (seq, task_type, lane, error_code, error_message, died_at)
      select e.seq, (select t.task_type from tasks t where t.seq = e.seq), e.lane, 'EXPIRED', ${MESSAGE},
        clock_timestamp()
      from ended e
    )
    select (select count(*)::integer from due) as looked, (select count(*)::integer from ended) as expired`;
  return row ?? { looked: 0, expired: 0 };
}
