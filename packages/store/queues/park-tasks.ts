import type { Sql } from "../connect.ts";

/** A delivery of a task whose type is paused. */
export interface Parking {
  readonly seq: number;
  /** The attempt that its message would start. */
  readonly attempt: number;
  readonly taskType: string;
}

/**
 * Parks tasks, so that their messages can go: they are due at infinity, where neither workers nor reconcilers look, and
 * no attempt is counted. Answers in order: false for what is not paused (any more), or not waiting for this attempt; that
 * goes its usual way.
 *
 * The pause is locked against its end: whoever resumes waits, and finds all that was parked; whoever comes after the end
 * parks nothing. So no task stays behind.
 */
export async function parkTasks(sql: Sql, parkings: readonly Parking[]): Promise<readonly boolean[]> {
  const inLockOrder = [...parkings].sort((a, b) => a.seq - b.seq);
  const seqs = inLockOrder.map((parking) => parking.seq);
  const attempts = inLockOrder.map((parking) => parking.attempt);
  const types = inLockOrder.map((parking) => parking.taskType);
  const rows = await sql<{ seq: number }[]>`
    with paused as materialized (
      select name from queue_pauses where name = any(${types}::text[]) and not is_lane for share
    )
    update open_tasks o set parked_for = x.task_type, ready_at = 'infinity', published_at = null
    from unnest(${seqs}::bigint[], ${attempts}::integer[], ${types}::text[]) as x(seq, attempt, task_type)
    where o.seq = any(${seqs}::bigint[]) and o.seq = x.seq and o.attempt = x.attempt - 1
      and coalesce(o.claimed_by, '') = '' and o.waiting_for = 0 and x.task_type in (select name from paused)
    returning o.seq`;
  const parked = new Set(rows.map((row) => row.seq));
  return parkings.map((parking) => parked.has(parking.seq));
}

/** What tasks are parked for: a few names, each found by one look into the index, however many tasks there are. */
export async function listParkedNames(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    with recursive names as (
      select (select min(parked_for) from open_tasks where parked_for is not null) as name
      union all
      select (select min(parked_for) from open_tasks where parked_for > n.name) from names n where n.name is not null
    )
    select name from names where name is not null`;
  return rows.map((row) => row.name);
}

/** Takes parked tasks back into the queue, the most urgent first; several schedulers get different ones. */
export async function takeParked(
  sql: Sql,
  { name, limit }: { readonly name: string; readonly limit: number },
): Promise<readonly number[]> {
  const rows = await sql<{ seq: number }[]>`
    with parked as materialized (
      select seq from open_tasks where parked_for = ${name} order by priority desc, seq limit ${limit} for update skip locked
    )
    update open_tasks o set tenant = coalesce(o.tenant, ''), parked_for = null, ready_at = clock_timestamp(), published_at = clock_timestamp()
    from parked where o.seq = any(array(select seq from parked)) and o.seq = parked.seq returning o.seq`;
  return rows.map((row) => row.seq).sort((a, b) => a - b);
}
