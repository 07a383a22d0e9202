import { type Json, NO_TENANT, spread } from "@millrace/core";
import { ATTEMPT_NUMBER_MAX, DEATHS_BESIDE_OTHERS_MAX } from "@millrace/core/limits";
import type { Sql, Transaction } from "../connect.ts";
import { routeOf, SHELVED } from "../workers/route-of.ts";
import { holdOpenParents, readStandings } from "./hold-parents.ts";

export interface Reopening {
  readonly seq: number;
  readonly redrivenBy: number;
  /** Replaces the payload; undefined keeps it. The former one is kept in `redrives`. */
  readonly payload?: Json;
  readonly delayMs: number;
}

/** Several tasks at once, which may depend on each other: each waits for those of its parents that come back with it. */
export interface JointReopening {
  readonly seqs: readonly number[];
  readonly redrivenBy: number;
}

/**
 * Invariants 9, 10 and 13: brings a dead or cancelled task back, with its policy and a fresh failure count. False when the
 * task is open, completed, gone, has used up its attempt numbers, or depends on a task that is dead or cancelled itself.
 *
 * What took workers along before runs alone at once.
 *
 * Redrives of one task wait for each other on its row in `tasks`, so that the second sees what became of the first:
 * without the lock, a redrive that looked before another one reopened the task, and wrote after the task had completed,
 * opened it once more.
 */
export async function reopenTask(sql: Sql, reopening: Reopening): Promise<boolean> {
  const { seq, redrivenBy, delayMs } = reopening;
  const payload = reopening.payload === undefined ? null : JSON.stringify(reopening.payload);
  const reopened = await sql.begin((transaction) =>
    reopen(transaction, { seqs: [seq], redrivenBy, delayMs, payload }),
  );
  return reopened.length === 1;
}

/** The same for many. Those that could not be brought back, or depend on one that could not, stay as they are. */
export async function reopenTasks(sql: Sql, reopening: JointReopening): Promise<readonly number[]> {
  return await sql.begin((transaction) => reopen(transaction, { ...reopening, delayMs: 0, payload: null }));
}

interface Request {
  readonly seqs: readonly number[];
  readonly redrivenBy: number;
  readonly delayMs: number;
  readonly payload: string | null;
}

async function reopen(sql: Transaction, request: Request): Promise<readonly number[]> {
  const locked = await sql<{ seq: number; has_parents: boolean }[]>`
    select seq, dependencies is not null as has_parents from tasks
    where seq = any(${[...request.seqs]}::bigint[]) order by seq for update`;
  const standings = await readStandings(
    sql,
    locked.map(({ seq }) => seq),
  );
  const coming = locked.filter(({ seq }) => standings.get(seq) === "failed");
  const { waitingFor, stuck } = await joinParents(sql, coming);
  const seqs = coming.map(({ seq }) => seq).filter((seq) => !stuck.has(seq));
  return seqs.length === 0 ? [] : await open(sql, request, { seqs, waitingFor });
}

interface Opening {
  readonly seqs: readonly number[];
  readonly waitingFor: ReadonlyMap<number, number>;
}

/** They may have children that come back later, or be named by new ones meanwhile: all are marked as if they had. */
async function open(
  sql: Transaction,
  { redrivenBy, delayMs, payload }: Request,
  { seqs, waitingFor }: Opening,
): Promise<readonly number[]> {
  const counts = seqs.map((seq) => waitingFor.get(seq) ?? 0);
  const rows = await sql<{ seq: number }[]>`
    with input as materialized (
      select x.seq, x.waiting_for, e.attempt, e.is_alone
      from unnest(${[...seqs]}::bigint[], ${counts}::integer[]) as x(seq, waiting_for)
        cross join lateral (
          select max(attempt) as attempt, coalesce(bool_or(error_code = 'QUARANTINED'), false) or
            count(*) filter (where kind = 'lost' and error_code = 'WORKER_LOST') >= ${DEATHS_BESIDE_OTHERS_MAX} as is_alone
          from outcomes where seq = x.seq
        ) e
    ), opened as (
      insert into open_tasks (seq, lane, priority, tenant, attempt, ready_at, waiting_for, has_children, lease_type,
        lease_owner, is_shelved, is_alone)
      select seq, lane, priority, coalesce(tenant, ${NO_TENANT}), attempt,
        clock_timestamp() + ${delayMs}::bigint * interval '1 millisecond', waiting_for,
        true, case when route > 0 then task_type end, case when route > 0 then owner_id end,
        coalesce(route = ${SHELVED}, false), is_alone
      from (
        select t.seq, t.lane, t.priority, t.tenant, t.task_type, t.owner_id, i.attempt, i.waiting_for, i.is_alone,
          ${routeOf(sql, "t.task_type")} as route
        from input i join tasks t on t.seq = i.seq
        where t.seq = any(${[...seqs]}::bigint[]) and i.attempt < ${ATTEMPT_NUMBER_MAX}
      ) routed
      returning seq, attempt
    ), recorded as (
      insert into redrives (seq, attempt, redriven_by, previous_payload)
      select o.seq, o.attempt, ${redrivenBy}, case when ${payload}::text is not null then t.payload end
      from opened o join tasks t on t.seq = o.seq where t.seq = any(${[...seqs]}::bigint[])
    ), patched as (
      update tasks t set payload = ${payload}::text::json from opened o
      where t.seq = any(${[...seqs]}::bigint[]) and t.seq = o.seq and ${payload}::text is not null
    ), raised as (
      delete from dead_letters d using opened o where d.seq = any(${[...seqs]}::bigint[]) and d.seq = o.seq
    )
    select seq from opened order by seq`;
  return rows.map(({ seq }) => seq);
}

interface EdgeRow {
  readonly parent: number;
  readonly child: number;
  readonly met: boolean | null;
  readonly runs_anyway: boolean;
}

interface Joined {
  readonly waitingFor: ReadonlyMap<number, number>;
  /** Those that depend on what is dead or cancelled and stays so. */
  readonly stuck: ReadonlySet<number>;
}

/**
 * Has tasks that come back wait for their parents again: for those that are open, and those that come back with them. The
 * edges are locked, so that nobody counts one between the look at it and the new open row.
 */
async function joinParents(
  sql: Transaction,
  coming: readonly { readonly seq: number; readonly has_parents: boolean }[],
): Promise<Joined> {
  const children = coming.filter((task) => task.has_parents).map((task) => task.seq);
  if (children.length === 0) return { waitingFor: new Map(), stuck: new Set() };
  const edges = await sql<EdgeRow[]>`
    select parent, child, met, runs_anyway from task_edges where child = any(${children}::bigint[])
    order by parent, child for update`;
  const all = new Set(coming.map(({ seq }) => seq));
  const outside = [...new Set(edges.map(({ parent }) => parent))].filter((seq) => !all.has(seq));
  await holdOpenParents(
    sql,
    outside.sort((a, b) => a - b),
  );
  const standings = await readStandings(sql, outside);
  const stuck = findStuck(edges, (parent) => standings.get(parent) === "failed");
  const isBack = (parent: number) =>
    (all.has(parent) && !stuck.has(parent)) || standings.get(parent) === "open";
  const next = edges
    .filter(({ child }) => !stuck.has(child))
    .map((edge) => ({
      ...edge,
      met: metAfter(edge, isBack(edge.parent), standings.get(edge.parent) ?? "failed"),
    }));
  await writeEdges(sql, next);
  const waitingFor = new Map<number, number>();
  for (const { child, met } of next)
    if (met === null) waitingFor.set(child, (waitingFor.get(child) ?? 0) + 1);
  return { waitingFor, stuck };
}

/** What cannot run before a task that will not, and what cannot run before that. */
function findStuck(edges: readonly EdgeRow[], isLost: (parent: number) => boolean): ReadonlySet<number> {
  const binding = edges.filter((edge) => !edge.runs_anyway);
  const first = new Set(binding.filter(({ parent }) => isLost(parent)).map(({ child }) => child));
  const childrenOf = new Map<number, number[]>();
  for (const { parent, child } of binding) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), child]);
  return new Set([...first, ...spread(first, childrenOf).keys()]);
}

/** An edge to a parent that has ended and is still uncounted is about to be counted: it stays as it is. */
function metAfter({ met }: EdgeRow, isBack: boolean, standing: string): boolean | null {
  if (isBack) return null;
  if (standing === "completed") return met === null ? null : true;
  if (standing === "gone") return true;
  return met === null ? null : false;
}

async function writeEdges(sql: Transaction, edges: readonly EdgeRow[]): Promise<void> {
  if (edges.length === 0) return;
  const parents = edges.map(({ parent }) => parent);
  await sql`
    update task_edges e set met = x.met
    from json_to_recordset(${JSON.stringify(edges)}::text::json) as x(parent bigint, child bigint, met boolean)
    where e.parent = any(${parents}::bigint[]) and e.parent = x.parent and e.child = x.child
      and e.met is distinct from x.met`;
}
