import type { Lane } from "@millrace/core";
import { LEVELS, type Level } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

/**
 * Finds tasks of one level that should have a message in the stream and cannot have one: unclaimed, and due since before
 * `dueBefore`, the front of the queue. Their messages go to its end, so they count as due from now on; that keeps the
 * order of the index the order of the queue, and whoever looks next starts behind them. Several schedulers at once get
 * different ones. A million waiting tasks that do have their messages are never read: `dueBefore` lies before all of them.
 */
export async function takeUnpublished(
  sql: Sql,
  query: { readonly level: Level; readonly dueBefore: Date; readonly limit: number },
): Promise<readonly number[]> {
  const { level, dueBefore, limit } = query;
  const rows = await sql<{ seq: number }[]>`
    with lost as materialized (
      select seq from open_tasks
      where lane = ${level.lane} and priority = ${level.priority} and claimed_by is null and ready_at < ${dueBefore}
        and waiting_for = 0 and not is_shelved
      order by ready_at limit ${limit} for update skip locked
    )
    update open_tasks o set tenant = coalesce(o.tenant, ''), ready_at = clock_timestamp(), published_at = clock_timestamp()
    from lost where o.seq = any(array(select seq from lost)) and o.seq = lost.seq returning o.seq`;
  return rows.map((row) => row.seq).sort((a, b) => a - b);
}

/**
 * The same for tasks of all levels that become due between the two times and were left alone because they were far off.
 */
export async function takeComing(
  sql: Sql,
  query: { readonly from: Date; readonly until: Date; readonly limitPerLevel: number },
): Promise<readonly number[]> {
  const { from, until, limitPerLevel } = query;
  const rows = await sql<{ seq: number }[]>`
    with coming as materialized (
      select c.seq from ${levels(sql)} cross join lateral (
        select seq from open_tasks
        where lane = l.lane and priority = l.priority and claimed_by is null
          and ready_at >= ${from} and ready_at < ${until} and published_at is null and waiting_for = 0 and not is_shelved
        order by ready_at limit ${limitPerLevel} for update skip locked
      ) c
    )
    update open_tasks o set published_at = clock_timestamp()
    from coming where o.seq = any(array(select seq from coming)) and o.seq = coming.seq returning o.seq`;
  return rows.map((row) => row.seq);
}

export interface LevelAge {
  readonly lane: Lane;
  readonly priority: number;
  /** Since when the longest waiting task of the level is due. */
  readonly dueSince: Date;
}

/** Levels with a task that is due since before `dueBefore` and unclaimed: one look into the index for each level. */
export async function listOverdueLevels(sql: Sql, dueBefore: Date): Promise<readonly LevelAge[]> {
  return await sql<LevelAge[]>`
    select l.lane, l.priority, d.ready_at as "dueSince" from ${levels(sql)} cross join lateral (
      select ready_at from open_tasks
      where lane = l.lane and priority = l.priority and claimed_by is null and ready_at < ${dueBefore}
        and waiting_for = 0 and not is_shelved
      order by ready_at limit 1
    ) d`;
}

function levels(sql: Sql): ReturnType<Sql> {
  const lanes = LEVELS.map((level) => level.lane);
  const priorities = LEVELS.map((level) => level.priority);
  return sql`unnest(${lanes}::text[], ${priorities}::smallint[]) as l(lane, priority)`;
}

/** The database's clock: what is due is due by it. */
export async function readStoreClock(sql: Sql): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select clock_timestamp() as now`;
  return row?.now ?? new Date();
}
