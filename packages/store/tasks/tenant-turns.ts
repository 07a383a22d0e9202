import { type Lane, NO_TENANT } from "@millrace/core";
import { TURN_OFFER_MS, TURN_TENANTS_PASSED_MAX } from "@millrace/core/limits";
import type { Dispatch, Level } from "@millrace/protocol";
import type { Sql, Transaction } from "../connect.ts";
import { loadDispatches } from "./load-dispatches.ts";

/** Whose turn a task waits for, and where; NO_TENANT for tasks of nobody's. */
export interface Turn extends Level {
  readonly tenant: string;
}

/** What of open_tasks (as `o`) the index of turns holds, in the words that let the planner use it and no other. Due or not. */
export function takesTurns(sql: Sql | Transaction) {
  return sql`o.tenant is not null and o.claimed_by is null and o.waiting_for < 1 and not o.is_shelved
    and o.parked_for is null`;
}

interface Newcomer {
  readonly lane: Lane;
  readonly priority: number;
  readonly tenant: string | null;
}

/**
 * Levels where tenants wait: a table `shared` for the statement. A task without a tenant takes turns only where it meets
 * one, or comes later than its message's place would say; all others are spared the index.
 */
export function sharedLevels(sql: Sql | Transaction, tasks: readonly Newcomer[]) {
  const alone = new Map<string, Newcomer>();
  const met = new Set<string>();
  for (const task of tasks) {
    const level = `${task.lane}${task.priority}`;
    if (task.tenant === null) alone.set(level, task);
    else met.add(level);
  }
  const lanes = [...alone.values()].map(({ lane }) => lane);
  const priorities = [...alone.values()].map(({ priority }) => priority);
  return sql`shared as materialized (
      select l.lane || l.priority as level from unnest(${lanes}::text[], ${priorities}::smallint[]) as l(lane, priority)
      cross join lateral (
        select 1 from open_tasks o
        where o.lane = l.lane and o.priority = l.priority and o.tenant > ${NO_TENANT} and ${takesTurns(sql)}
        order by o.tenant limit 1
      ) other
      union all select unnest(${[...met]}::text[])
    )`;
}

export function isSameTurn(one: Turn | undefined, other: Turn | undefined): boolean {
  return (
    one !== undefined &&
    one.tenant === other?.tenant &&
    one.priority === other.priority &&
    one.lane === other.lane
  );
}

/** Claims come in groups of one or two levels and tenants. */
export function distinctTurns(waiting: readonly { readonly turn?: Turn }[]): readonly Turn[] {
  const turns: Turn[] = [];
  let former: Turn | undefined;
  for (const { turn } of waiting) {
    if (turn === undefined || isSameTurn(turn, former)) continue;
    former = turn;
    if (!turns.some((one) => isSameTurn(one, turn))) turns.push(turn);
  }
  return turns;
}

/** A scalar of a statement: the places, from 1, of those turns beside which other tenants wait; null for none. */
export function sharedTurns(sql: Sql, turns: readonly Turn[]) {
  const lanes = turns.map(({ lane }) => lane);
  const priorities = turns.map(({ priority }) => priority);
  const tenants = turns.map(({ tenant }) => tenant);
  return sql`(
    select array_agg(t.place::integer)
    from unnest(${lanes}::text[], ${priorities}::smallint[], ${tenants}::text[])
      with ordinality as t(lane, priority, tenant, place)
    where exists (
      select 1 from open_tasks o
      where o.lane = t.lane and o.priority = t.priority and o.tenant > t.tenant and ${takesTurns(sql)}
    ) or exists (
      select 1 from open_tasks o
      where o.lane = t.lane and o.priority = t.priority and o.tenant < t.tenant and ${takesTurns(sql)}
    ))`;
}

export interface WaitingTenants {
  /** Those with a due task, in the order of their turns. */
  readonly tenants: readonly string[];
  /** Where the look ended when there are too many tenants with nothing due; null: it saw all it wanted. */
  readonly passedUntil: string | null;
}

/**
 * Tenants with due tasks at a level, from the one behind `after` on and then around. One look into the index for each
 * tenant that has anything waiting there, due or not, however much that is.
 */
export async function listWaitingTenants(
  sql: Sql,
  { lane, priority }: Level,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<WaitingTenants> {
  const first = (condition: ReturnType<Sql>) => sql`
    select o.tenant, o.ready_at from open_tasks o
    where o.lane = ${lane} and o.priority = ${priority} and ${condition} and ${takesTurns(sql)}
    order by o.tenant, o.ready_at limit 1`;
  const rows = await sql<{ tenant: string; is_due: boolean }[]>`
    with recursive behind as (
      select f.*, 1 as passed from (${first(after === null ? sql`true` : sql`o.tenant > ${after}`)}) f
      union all
      select n.*, w.passed + 1 from behind w cross join lateral (${first(sql`o.tenant > w.tenant`)}) n
      where w.passed < ${TURN_TENANTS_PASSED_MAX}
    ), around as (
      select f.*, 1 as passed from (${first(after === null ? sql`false` : sql`o.tenant <= ${after}`)}) f
      union all
      select n.*, w.passed + 1 from around w
      cross join lateral (${first(sql`o.tenant > w.tenant and o.tenant <= ${after ?? NO_TENANT}`)}) n
      where w.passed < ${TURN_TENANTS_PASSED_MAX}
    )
    select tenant, ready_at <= clock_timestamp() as is_due from (
      select * from behind union all select * from around
    ) seen
    where ready_at <= clock_timestamp() or passed = ${TURN_TENANTS_PASSED_MAX} limit ${limit}`;
  const tenants = rows.filter((row) => row.is_due).map((row) => row.tenant);
  const isPassedOver = rows.length < limit && rows.some((row) => !row.is_due);
  return {
    tenants,
    passedUntil: isPassedOver ? (rows.findLast((row) => !row.is_due)?.tenant ?? null) : null,
  };
}

export interface TurnWanted {
  readonly tenant: string;
  readonly tasks: number;
}

/**
 * The tasks of these tenants that are due longest, to be claimed by the caller as if their messages had come; he may as
 * well leave it. Whoever asks within TURN_OFFER_MS is offered others.
 */
export async function offerTasks(
  sql: Sql,
  { lane, priority }: Level,
  wanted: readonly TurnWanted[],
): Promise<readonly Dispatch[]> {
  const tenants = wanted.map(({ tenant }) => tenant);
  const counts = wanted.map(({ tasks }) => tasks);
  const rows = await sql<{ seq: number }[]>`
    with oldest as materialized (
      select d.seq from unnest(${tenants}::text[], ${counts}::integer[]) as x(tenant, tasks) cross join lateral (
        select o.seq from open_tasks o
        where o.lane = ${lane} and o.priority = ${priority} and o.tenant = x.tenant and ${takesTurns(sql)}
          and o.ready_at <= clock_timestamp() and coalesce(o.offered_until <= clock_timestamp(), true)
        order by o.ready_at limit x.tasks for update skip locked
      ) d
    )
    update open_tasks o set offered_until = clock_timestamp() + ${TURN_OFFER_MS} * interval '1 millisecond'
    from oldest where o.seq = any(array(select seq from oldest)) and o.seq = oldest.seq
    returning o.seq`;
  if (rows.length === 0) return [];
  const due = await loadDispatches(
    sql,
    rows.map(({ seq }) => seq),
  );
  return due
    .toSorted((a, b) => a.readyAt.getTime() - b.readyAt.getTime() || a.dispatch.seq - b.dispatch.seq)
    .map(({ dispatch }) => dispatch);
}
