import { type Lane, NO_TENANT, type Priority } from "@millrace/core";
import { PRIORITY_MAX, WHY_AHEAD_MAX, WHY_PARENTS_MAX, WHY_TENANTS_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";
import type { Pause } from "../queues/pauses.ts";
import { listWaitingTenants, takesTurns } from "../tasks/tenant-turns.ts";

/** What an open task waits for, as far as its row says so. */
export interface Wait {
  /** A guard's name (`hold-tasks.ts`), or a paused task type. */
  readonly parkedFor: string | null;
  readonly waitingFor: number;
  /** It runs alone, because workers died with it. */
  readonly isAlone: boolean;
  readonly pause: Pause | null;
}

/** Null: it is not open. */
export async function readWait(sql: Sql, seq: number): Promise<Wait | null> {
  const [row] = await sql<(Omit<Wait, "pause"> & { name: string | null } & Omit<Pause, "name">)[]>`
    select o.parked_for as "parkedFor", o.waiting_for as "waitingFor", o.is_alone as "isAlone",
      p.name, p.is_lane as "isLane", p.paused_at as "pausedAt", p.reason
    from open_tasks o
    left join lateral (select task_type from tasks t where t.seq = o.seq limit 1) t on true
    left join lateral (
      select * from queue_pauses q where q.name = case when q.is_lane then o.lane else t.task_type end
      order by q.is_lane desc limit 1
    ) p on true
    where o.seq = ${seq}`;
  if (row === undefined) return null;
  const { parkedFor, waitingFor, isAlone, name, isLane, pausedAt, reason } = row;
  return { parkedFor, waitingFor, isAlone, pause: name === null ? null : { name, isLane, pausedAt, reason } };
}

/** Parents that have not ended, by id; at most WHY_PARENTS_MAX. */
export async function listOpenParents(sql: Sql, seq: number): Promise<readonly string[]> {
  const rows = await sql<{ task_id: string }[]>`
    select t.task_id from (
      select parent from task_edges where child = ${seq} and met is null order by parent limit ${WHY_PARENTS_MAX}
    ) e cross join lateral (select task_id from tasks t where t.seq = e.parent limit 1) t`;
  return rows.map((row) => row.task_id);
}

export interface Ahead {
  readonly tasks: number;
  readonly isCapped: boolean;
}

/**
 * How many tasks of the lane are due and more urgent, or as urgent and due longer. Counts up to WHY_AHEAD_MAX entries of
 * the index of each level, whatever waits there.
 */
export async function countAhead(
  sql: Sql,
  { seq, lane, priority }: { readonly seq: number; readonly lane: Lane; readonly priority: number },
): Promise<Ahead> {
  const priorities = Array.from({ length: PRIORITY_MAX - priority + 1 }, (_, index) => priority + index);
  const [row] = await sql<{ tasks: number }[]>`
    with own as materialized (select ready_at from open_tasks where seq = ${seq})
    select coalesce(sum(w.waiting), 0)::integer as tasks
    from unnest(${priorities}::smallint[]) as l(priority)
    cross join lateral (
      select count(*) as waiting from (
        select 1 from open_tasks o
        where o.lane = ${lane} and o.priority = l.priority and o.claimed_by is null and o.waiting_for = 0
          and o.ready_at < case when l.priority = ${priority} then (select ready_at from own)
            else statement_timestamp() end
        limit ${WHY_AHEAD_MAX + 1}
      ) one
    ) w`;
  const tasks = row?.tasks ?? 0;
  return { tasks: Math.min(tasks, WHY_AHEAD_MAX), isCapped: tasks > WHY_AHEAD_MAX };
}

export interface TurnWait {
  /** Tenants beside its own that have due tasks at its level; counted up to WHY_TENANTS_MAX. */
  readonly others: number;
  readonly areOthersCapped: boolean;
  /** Tasks of its own tenant at its level that are due longer. */
  readonly ahead: Ahead;
}

interface Waiter {
  readonly seq: number;
  readonly lane: Lane;
  readonly priority: number;
  readonly tenant: string | null;
}

/** Null: nobody else waits at its level, so that no turns are taken. */
export async function readTurnWait(sql: Sql, waiter: Waiter): Promise<TurnWait | null> {
  const { lane, tenant } = waiter;
  const level = { lane, priority: waiter.priority as Priority }; // A stored task has one of the ten.
  const { tenants } = await listWaitingTenants(sql, level, { after: null, limit: WHY_TENANTS_MAX + 2 });
  const others = tenants.filter((other) => other !== (tenant ?? NO_TENANT)).length;
  if (others === 0) return null;
  const ahead = await (tenant === null ? countUntenanted(sql, waiter) : countOfTenant(sql, waiter, tenant));
  return {
    others: Math.min(others, WHY_TENANTS_MAX),
    areOthersCapped: others > WHY_TENANTS_MAX,
    ahead: { tasks: Math.min(ahead, WHY_AHEAD_MAX), isCapped: ahead > WHY_AHEAD_MAX },
  };
}

async function countOfTenant(sql: Sql, { seq, lane, priority }: Waiter, tenant: string): Promise<number> {
  const [row] = await sql<{ tasks: number }[]>`
    select count(*)::integer as tasks from (
      select 1 from open_tasks o
      where o.lane = ${lane} and o.priority = ${priority} and o.tenant = ${tenant} and ${takesTurns(sql)}
        and o.ready_at < (select ready_at from open_tasks where seq = ${seq})
      limit ${WHY_AHEAD_MAX + 1}
    ) one`;
  return row?.tasks ?? 0;
}

/** Most of those without a tenant stand in no index of turns: they are counted among all, as far as the bound goes. */
async function countUntenanted(sql: Sql, { seq, lane, priority }: Waiter): Promise<number> {
  const [row] = await sql<{ seen: number; tasks: number }[]>`
    select count(*)::integer as seen, count(*) filter (where coalesce(tenant, '') = '')::integer as tasks from (
      select o.tenant from open_tasks o
      where o.lane = ${lane} and o.priority = ${priority} and o.claimed_by is null and o.waiting_for = 0
        and not o.is_shelved and o.ready_at < (select ready_at from open_tasks where seq = ${seq})
      order by o.ready_at desc limit ${WHY_AHEAD_MAX + 1}
    ) one`;
  return row === undefined || row.seen > WHY_AHEAD_MAX ? WHY_AHEAD_MAX + 1 : row.tasks;
}
