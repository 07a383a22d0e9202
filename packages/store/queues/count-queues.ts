import type { Lane } from "@millrace/core";
import { QUEUE_COUNT_MAX } from "@millrace/core/limits";
import { LEVELS } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

/** What a level holds. `waiting` and `due` are counted up to QUEUE_COUNT_MAX. */
export interface LevelCount {
  readonly lane: Lane;
  readonly priority: number;
  /** Neither running nor parked, and waiting for no parent. */
  readonly waiting: number;
  /** Those of them that could start now. */
  readonly due: number;
  readonly running: number;
  /** For how long the one that is due longest has been so, in seconds; null when none is. */
  readonly oldestAgeS: number | null;
}

/**
 * All levels. Reads at most QUEUE_COUNT_MAX entries of each one's index, from the one that is due longest; and one entry
 * for each running task.
 */
export async function countLevels(sql: Sql): Promise<readonly LevelCount[]> {
  const lanes = LEVELS.map((level) => level.lane);
  const priorities = LEVELS.map((level) => level.priority);
  return await sql<LevelCount[]>`
    with running as materialized (
      select lane, priority, count(*)::integer as count from open_tasks where claimed_by is not null group by 1, 2
    )
    select l.lane, l.priority, w.waiting, w.due,
      coalesce((select count from running r where r.lane = l.lane and r.priority = l.priority), 0) as running,
      extract(epoch from clock_timestamp() - w.oldest)::float8 as "oldestAgeS"
    from unnest(${lanes}::text[], ${priorities}::smallint[]) as l(lane, priority)
    cross join lateral (
      select least(count(*), ${QUEUE_COUNT_MAX})::integer as waiting,
        least(count(*) filter (where is_due), ${QUEUE_COUNT_MAX})::integer as due,
        min(ready_at) filter (where is_due) as oldest
      from (
        select ready_at, ready_at <= statement_timestamp() as is_due from (
          (select ready_at from open_tasks
            where lane = l.lane and priority = l.priority and claimed_by is null and waiting_for = 0 and not is_shelved
              and ready_at < 'infinity'
            order by ready_at limit ${QUEUE_COUNT_MAX})
          union all
          (select ready_at from open_tasks
            where lane = l.lane and priority = l.priority and claimed_by is null and waiting_for = 0 and is_shelved
              and ready_at < 'infinity'
            order by ready_at limit ${QUEUE_COUNT_MAX})
        ) either
      ) waiting
    ) w`;
}

/** Parked tasks by what they wait for, each counted up to QUEUE_COUNT_MAX. */
export async function countParked(sql: Sql, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ name: string; count: number }[]>`
    select n.name, (
      select count(*)::integer from (
        select 1 from open_tasks where parked_for = n.name limit ${QUEUE_COUNT_MAX}
      ) parked
    ) as count from unnest(${[...names]}::text[]) as n(name)`;
  return new Map(rows.map((row) => [row.name, row.count]));
}
