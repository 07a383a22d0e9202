import { PROBE_CANDIDATES_MAX, RELEASE_NAMES_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

/** A delivery of a task that a guard does not let start. */
export interface Hold {
  readonly seq: number;
  /** The attempt that its message would start. */
  readonly attempt: number;
  /** What it waits for: `breaker:<origin>`, `limit:<scope>:<name>`. No task type has a colon. */
  readonly name: string;
}

/** `claimed`: somebody holds this very attempt. `stale`: the task has ended, or is past this attempt. */
export type HoldAnswer = "held" | "claimed" | "stale";

/**
 * Parks tasks that a guard holds back, as `../queues/park-tasks.ts` does for pauses: due at infinity, without an attempt.
 * Answers in order.
 * A guard may let them through at this very moment; the scheduler looks at every name again, so that none stays behind.
 */
export async function holdTasks(sql: Sql, holds: readonly Hold[]): Promise<readonly HoldAnswer[]> {
  const inLockOrder = [...holds].sort((a, b) => a.seq - b.seq);
  const seqs = inLockOrder.map((hold) => hold.seq);
  const attempts = inLockOrder.map((hold) => hold.attempt);
  const names = inLockOrder.map((hold) => hold.name);
  const rows = await sql<{ seq: number }[]>`
    update open_tasks o set parked_for = x.name, ready_at = 'infinity', published_at = null
    from unnest(${seqs}::bigint[], ${attempts}::integer[], ${names}::text[]) as x(seq, attempt, name)
    where o.seq = any(${seqs}::bigint[]) and o.seq = x.seq and o.attempt = x.attempt - 1
      and coalesce(o.claimed_by, '') = '' and o.waiting_for = 0
    returning o.seq`;
  const held = new Set(rows.map((row) => row.seq));
  const others = seqs.filter((seq) => !held.has(seq));
  const claimed = others.length === 0 ? NOTHING : await listClaimed(sql, others);
  return holds.map(({ seq, attempt }) => {
    if (held.has(seq)) return "held";
    return claimed.get(seq) === attempt ? "claimed" : "stale";
  });
}

const NOTHING: ReadonlyMap<number, number> = new Map();

async function listClaimed(sql: Sql, seqs: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const rows = await sql<{ seq: number; attempt: number }[]>`
    select seq, attempt from open_tasks where seq = any(${[...seqs]}::bigint[]) and claimed_by is not null`;
  return new Map(rows.map((row) => [row.seq, row.attempt]));
}

/** The guards that hold tasks back, in the order of their names after `after`: one look into the index for each. */
export async function listHoldingNames(sql: Sql, after = ""): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    with recursive names as (
      select (select min(parked_for) from open_tasks where parked_for > ${after}) as name
      union all
      select (select min(parked_for) from open_tasks where parked_for > n.name) from names n where n.name is not null
    )
    select name from names where name like '%:%' limit ${RELEASE_NAMES_MAX}`;
  return rows.map((row) => row.name);
}

/** Takes the most urgent of the tasks that are held back for it; several schedulers get different ones. */
export async function takeHeld(sql: Sql, name: string, limit: number): Promise<readonly number[]> {
  const rows = await sql<{ seq: number; priority: number }[]>`
    with held as materialized (
      select seq from open_tasks where parked_for = ${name}
      order by priority desc, seq limit ${limit} for update skip locked
    )
    update open_tasks o set tenant = coalesce(o.tenant, ''), parked_for = null, ready_at = clock_timestamp(), published_at = clock_timestamp()
    from held where o.seq = any(array(select seq from held)) and o.seq = held.seq returning o.seq, o.priority`;
  return rows.toSorted((a, b) => b.priority - a.priority || a.seq - b.seq).map((row) => row.seq);
}

/**
 * Takes one task that finds out whether a host is back: of the most urgent ones, the one that was tried least, so that no
 * task that the host never answers keeps it shut for all others.
 */
export async function takeProbe(sql: Sql, name: string): Promise<readonly number[]> {
  const rows = await sql<{ seq: number }[]>`
    with candidates as materialized (
      select seq, attempt from open_tasks where parked_for = ${name}
      order by priority desc, seq limit ${PROBE_CANDIDATES_MAX} for update skip locked
    ), chosen as materialized (
      select seq from candidates order by attempt, seq limit 1
    )
    update open_tasks o set tenant = coalesce(o.tenant, ''), parked_for = null, ready_at = clock_timestamp(), published_at = clock_timestamp()
    from chosen where o.seq = any(array(select seq from chosen)) and o.seq = chosen.seq returning o.seq`;
  return rows.map((row) => row.seq);
}
