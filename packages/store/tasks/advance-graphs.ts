import type { Lane } from "@millrace/core";
import {
  ADVANCE_EDGES_MAX,
  ADVANCE_FAILURES_MAX,
  ADVANCE_PARENTS_MAX,
  SCHEDULE_HORIZON_MS,
} from "@millrace/core/limits";
import type { Sql, Transaction } from "../connect.ts";
import { readStandings, type Standing } from "./hold-parents.ts";

export interface GraphRound {
  /** Parents whose ends were told; 0: nothing was left to do, or others are at it. */
  readonly parents: number;
  /** Tasks whose last parent has ended: their messages are to be written. */
  readonly released: readonly number[];
  /** Tasks that ended because a parent of theirs did not complete. */
  readonly failed: readonly FailedDescendant[];
}

export interface FailedDescendant {
  readonly seq: number;
  readonly taskId: string;
  readonly taskType: string;
  readonly lane: Lane;
  readonly attempt: number;
}

/** Whether there is anything to tell: one look, without a transaction, for those who only ask from time to time. */
export async function hasEndedParents(sql: Sql): Promise<boolean> {
  return (await sql`select 1 from ended_parents order by id limit 1`).length === 1;
}

const NOTHING: GraphRound = { parents: 0, released: [], failed: [] };

/**
 * Tells children that their parents have ended: who waits for nobody any more is released, who cannot run fails, and so do
 * its descendants. One transaction, bounded whatever the graph; call it until it says that there was nothing. Any number
 * of processes may do so at once: each takes what no other one has. If a process dies, what it took is there again.
 *
 * Locks are taken in one order by all: rows of `tasks`, edges, open rows, each in the order of ids. Steps that come after
 * a lock are statements of their own, so that they see what was committed while they waited.
 */
export async function advanceGraphs(sql: Sql): Promise<GraphRound> {
  return await sql.begin(async (transaction) => {
    const ended = await transaction<{ id: number; seq: number }[]>`
      select id, seq from ended_parents order by id limit ${ADVANCE_PARENTS_MAX} for update skip locked`;
    if (ended.length === 0) return NOTHING;
    const { completed, failed } = await readEnds(transaction, [...new Set(ended.map(({ seq }) => seq))]);
    const edges = await countEdges(transaction, completed, failed);
    const roots = edges.filter((edge) => !edge.met && !edge.runs_anyway).map((edge) => edge.child);
    const doomed = await gatherDoomed(transaction, [...new Set(roots)]);
    const spared = edges.filter(({ child }) => !doomed.has(child));
    if (doomed.size > 0) await hold(transaction, [...doomed, ...spared.map(({ child }) => child)]);
    const released = await release(transaction, spared);
    const dead = await fail(transaction, [...doomed], failed);
    // With as many edges as one round takes there may be more of the same parents: they come again.
    if (edges.length < ADVANCE_EDGES_MAX)
      await transaction`delete from ended_parents where id = any(${ended.map(({ id }) => id)}::bigint[])`;
    return { parents: ended.length, released, failed: dead };
  });
}

interface Ends {
  readonly completed: readonly number[];
  readonly failed: readonly number[];
}

/**
 * How the parents ended. One that was brought back since is open, and will be told of when it ends again. What has
 * completed stays so; what has failed is held, so that nobody brings it back while its children fail.
 */
async function readEnds(sql: Transaction, seqs: readonly number[]): Promise<Ends> {
  const first = await readStandings(sql, seqs);
  const suspects = seqs.filter((seq) => first.get(seq) === "failed");
  if (suspects.length > 0)
    await sql`select 1 from tasks where seq = any(${suspects}::bigint[]) order by seq for share`;
  const second = await readStandings(sql, suspects);
  const of = (standings: ReadonlyMap<number, Standing>, wanted: Standing) =>
    [...standings].filter(([, standing]) => standing === wanted).map(([seq]) => seq);
  return { completed: [...of(first, "completed"), ...of(second, "completed")], failed: of(second, "failed") };
}

interface CountedEdge {
  readonly child: number;
  readonly met: boolean;
  readonly runs_anyway: boolean;
}

/** Each edge is counted by the one transaction that finds it uncounted. */
async function countEdges(
  sql: Transaction,
  completed: readonly number[],
  failed: readonly number[],
): Promise<readonly CountedEdge[]> {
  const parents = [...completed, ...failed];
  if (parents.length === 0) return [];
  return await sql<CountedEdge[]>`
    with due as materialized (
      select parent, child from task_edges where parent = any(${parents}::bigint[]) and met is null
      order by parent, child limit ${ADVANCE_EDGES_MAX} for update
    )
    update task_edges e set met = (e.parent = any(${[...completed]}::bigint[])) from due d
    where e.parent = any(${parents}::bigint[]) and e.parent = d.parent and e.child = d.child
    returning e.child, e.met, e.runs_anyway`;
}

/** One update for each child, however many of its parents ended. Children that have ended themselves are not there. */
async function release(sql: Transaction, edges: readonly CountedEdge[]): Promise<readonly number[]> {
  const counts = new Map<number, number>();
  for (const { child } of edges) counts.set(child, (counts.get(child) ?? 0) + 1);
  if (counts.size === 0) return [];
  const seqs = [...counts.keys()].sort((a, b) => a - b);
  const rows = await sql<{ seq: number; waiting_for: number }[]>`
    with held as materialized (
      select seq from open_tasks where seq = any(${seqs}::bigint[]) order by seq for update
    )
    update open_tasks o
    set waiting_for = o.waiting_for - x.count,
        ready_at = case when o.waiting_for = x.count then greatest(o.ready_at, clock_timestamp()) else o.ready_at end,
        published_at = case when o.waiting_for = x.count
          and o.ready_at <= clock_timestamp() + ${SCHEDULE_HORIZON_MS} * interval '1 millisecond' then clock_timestamp() end
    from unnest(${seqs}::bigint[], ${seqs.map((seq) => counts.get(seq) ?? 0)}::integer[]) as x(seq, count)
    where o.seq = any(array(select seq from held)) and o.seq = x.seq
    returning o.seq, o.waiting_for`;
  return rows
    .filter((row) => row.waiting_for === 0)
    .map((row) => row.seq)
    .sort((a, b) => a - b);
}

/** Releasing and failing lock open rows of the same round: in one order, as everybody does, or two rounds meet in a circle. */
async function hold(sql: Transaction, seqs: readonly number[]): Promise<void> {
  await sql`select 1 from open_tasks where seq = any(${[...seqs]}::bigint[]) order by seq for update`;
}

/** What waits for a parent that will not complete, and what waits for that, as far as one round goes. */
async function gatherDoomed(sql: Transaction, roots: readonly number[]): Promise<ReadonlySet<number>> {
  if (roots.length === 0) return new Set();
  const gathered = await sql<{ seq: number }[]>`
    with recursive doomed (seq) as (
      select r.seq from unnest(${[...roots]}::bigint[]) as r(seq)
      where (select o.waiting_for from open_tasks o where o.seq = r.seq) > 0
      union
      select n.child from doomed d cross join lateral (
        select e.child from task_edges e where e.parent = d.seq and e.met is null and not e.runs_anyway
          and (select o.waiting_for from open_tasks o where o.seq = e.child) > 0
        offset 0
      ) n
    )
    select seq from doomed limit ${roots.length + ADVANCE_FAILURES_MAX}`;
  return new Set(gathered.map(({ seq }) => seq));
}

/**
 * Ends them. Each that has children of its own is noted as an ended parent by its row's end: the edges below it are
 * counted in later rounds, and whoever was out of reach now fails then. Their rows are held.
 */
async function fail(
  sql: Transaction,
  seqs: readonly number[],
  failedParents: readonly number[],
): Promise<readonly FailedDescendant[]> {
  if (seqs.length === 0) return [];
  const causes = await nameCauses(sql, seqs, failedParents);
  const messages = seqs.map((seq) => `it depends on ${causes.get(seq) ?? "a task"}, which did not complete`);
  return await sql<FailedDescendant[]>`
    with ended as (
      delete from open_tasks where seq = any(${[...seqs]}::bigint[]) and waiting_for > 0
      returning seq, lane, attempt + 1 as attempt
    ), recorded as (
      insert into outcomes (seq, attempt, kind, ended_at, error_code, error_message)
      select e.seq, e.attempt, 'dead', clock_timestamp(), 'DEPENDENCY_FAILED', x.message
      from ended e join unnest(${[...seqs]}::bigint[], ${messages}::text[]) as x(seq, message) on x.seq = e.seq
    )
    select seq, attempt, lane, (select t.task_id from tasks t where t.seq = ended.seq) as "taskId",
      (select t.task_type from tasks t where t.seq = ended.seq) as "taskType"
    from ended order by seq`;
}

/** For each, the id of a parent that failed: one of those that began it, or one that fails with it. */
async function nameCauses(
  sql: Transaction,
  seqs: readonly number[],
  failedParents: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const parents = [...new Set([...failedParents, ...seqs])];
  const edges = await sql<{ child: number; parent: number }[]>`
    select child, min(parent) as parent from task_edges
    where parent = any(${parents}::bigint[]) and child = any(${[...seqs]}::bigint[]) and met is not true
    group by child`;
  const wanted = [...new Set(edges.map(({ parent }) => parent))];
  const names = await sql<{ seq: number; task_id: string }[]>`
    select seq, task_id from tasks where seq = any(${wanted}::bigint[])`;
  const idBySeq = new Map(names.map(({ seq, task_id }) => [seq, task_id]));
  return new Map(edges.map(({ child, parent }) => [child, idBySeq.get(parent) ?? "a task"]));
}
