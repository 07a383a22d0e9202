import { type GraphProblem, judgeGraph, NO_TENANT } from "@millrace/core";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { LeaseRoute } from "@millrace/protocol";
import type { Transaction } from "../connect.ts";
import { routeOf, SHELVED, withRoute } from "../workers/route-of.ts";
import { findTasks } from "./find-task.ts";
import { holdOpenParents, readStandings } from "./hold-parents.ts";
import { rowsAsJson } from "./hostile-content.ts";
import { hasDeadline, isIdTwice, type NewTask, toRow, traceColumn } from "./submit-tasks.ts";
import type { TaskRecord } from "./task-row.ts";

export type GraphSubmission =
  /** `waitingFor`: parents that it waits for; with none it is due. */
  | {
      readonly kind: "stored";
      readonly seq: number;
      readonly createdAt: Date;
      readonly waitingFor: number;
      readonly route?: LeaseRoute;
    }
  /** As for `submitTasks`. */
  | { readonly kind: "taken" }
  | { readonly kind: "refused"; readonly problem: GraphProblem };

export interface GraphBatch {
  /** All of one owner; a task may come before its parents. */
  readonly tasks: readonly NewTask[];
  /** Ids of items that were refused before they came here: their children are refused, too. */
  readonly refused: ReadonlySet<string>;
  /** Whether the stored task is what the item at this index asks for. */
  readonly isSame: (index: number, stored: TaskRecord) => boolean;
}

/** Tasks that were given their ids, and are not in `tasks` yet. */
interface Keyed {
  readonly index: number;
  readonly task: NewTask;
  readonly seq: number;
  readonly createdAt: Date;
}

interface Known {
  readonly seqById: ReadonlyMap<string, number>;
  /** Items whose id belongs to a task with other content. */
  readonly conflicts: ReadonlySet<string>;
}

/**
 * Stores tasks that depend on each other, or on tasks that are there, all in the caller's transaction, and answers each in
 * order. Whoever is answered "refused" or "taken" has left no trace.
 *
 * A parent that ends meanwhile is not missed: the open rows of parents are held first, and what they are is read
 * afterwards. A parent that has completed counts as met; one that has ended otherwise is put on the list of ended parents
 * again, so that its new child meets its end like all others (`advance-graphs.ts`). A parent must be committed before its
 * child is stored, and dependencies never change: a cycle can only lie within one batch.
 */
export async function submitGraph(sql: Transaction, batch: GraphBatch): Promise<readonly GraphSubmission[]> {
  try {
    return await sql.savepoint((inner) => store(inner, batch));
  } catch (error) {
    if (!isIdTwice(error)) throw error;
    return await store(sql, batch);
  }
}

async function store(sql: Transaction, batch: GraphBatch): Promise<readonly GraphSubmission[]> {
  const keyed = await takeKeys(sql, batch.tasks);
  const known = await findKnown(sql, batch, keyed);
  const problems = judgeGraph(
    keyed.map(({ task }) => ({ id: task.task_id, dependencies: task.dependencies ?? [] })),
    { isKnown: (id) => known.seqById.has(id), refused: new Set([...batch.refused, ...known.conflicts]) },
  );
  const accepted = keyed.filter(({ task }) => !problems.has(task.task_id));
  await giveBackKeys(
    sql,
    keyed.filter(({ task }) => problems.has(task.task_id)),
  );
  const { waitingFor, routes } = await insert(sql, accepted, known.seqById);
  const answers: GraphSubmission[] = batch.tasks.map(({ task_id }) => {
    const problem = problems.get(task_id); // Also of the same id's second item.
    return problem === undefined ? { kind: "taken" } : { kind: "refused", problem };
  });
  for (const { index, seq, createdAt } of accepted)
    answers[index] = {
      ...{ kind: "stored", seq, createdAt, waitingFor: waitingFor.get(seq) ?? 0 },
      ...withRoute(routes.get(seq) ?? null),
    };
  return answers;
}

/** In the order of the ids, as in `submitTasks`. The internal ids follow the caller's order. */
async function takeKeys(sql: Transaction, tasks: readonly NewTask[]): Promise<readonly Keyed[]> {
  const ids = tasks.map(({ task_id }) => task_id);
  const rows = await sql<{ i: number; seq: number; created_at: Date }[]>`
    with input as materialized (
      select next_task_seq() as seq, clock_timestamp() as created_at, x.task_id, x.i::integer - 1 as i
      from unnest(${ids}::text[]) with ordinality as x(task_id, i)
    ), keyed as (
      insert into task_keys (task_id, seq) select task_id, seq from input order by task_id, i
      on conflict (task_id) do nothing returning seq
    )
    select i, seq, created_at from input where seq in (select seq from keyed) order by i`;
  return rows.flatMap(({ i, seq, created_at }) => {
    const task = tasks[i];
    return task === undefined ? [] : [{ index: i, task, seq, createdAt: created_at }];
  });
}

/** The tasks outside of the batch that its items name: as their parents, or by taking their ids. */
async function findKnown(
  sql: Transaction,
  { tasks, isSame }: GraphBatch,
  keyed: readonly Keyed[],
): Promise<Known> {
  const ownIds = new Set(keyed.map(({ task }) => task.task_id));
  const taken = tasks.flatMap((task, index) => (ownIds.has(task.task_id) ? [] : [{ task, index }]));
  const conflicts = new Set<string>();
  if (taken.length > 0) {
    // Not one of the steps that find their rows by key: see `isByKey` in `../connect.ts`.
    await sql`select set_config('enable_nestloop', 'on', true)`;
    const ids = taken.map(({ task }) => task.task_id);
    const storedById = new Map((await findTasks(sql, ids)).map((record) => [record.taskId, record]));
    for (const { task, index } of taken) {
      const stored = storedById.get(task.task_id);
      if (stored === undefined || !isSame(index, stored)) conflicts.add(task.task_id);
    }
  }
  const named = new Set(tasks.flatMap(({ dependencies }) => dependencies ?? []));
  const outside = [...named].filter((id) => !ownIds.has(id));
  return { seqById: await findOwn(sql, outside, tasks[0]?.owner_id), conflicts };
}

/** Another owner's task is as unknown as none. */
async function findOwn(
  sql: Transaction,
  ids: readonly string[],
  ownerId: number | undefined,
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0 || ownerId === undefined) return new Map();
  const keys = await sql<{ task_id: string; seq: number }[]>`
    select task_id, seq from task_keys where task_id = any(${[...ids]}::text[])`;
  const seqs = keys.map(({ seq }) => seq);
  const owned = await sql<{ seq: number }[]>`
    select seq from tasks where seq = any(${seqs}::bigint[]) and owner_id = ${ownerId}`;
  const isOwn = new Set(owned.map(({ seq }) => seq));
  return new Map(keys.filter(({ seq }) => isOwn.has(seq)).map(({ task_id, seq }) => [task_id, seq]));
}

async function giveBackKeys(sql: Transaction, refused: readonly Keyed[]): Promise<void> {
  if (refused.length === 0) return;
  await sql`delete from task_keys where task_id = any(${refused.map(({ task }) => task.task_id)}::text[])`;
}

interface Edge {
  readonly parent: number;
  readonly child: number;
  readonly met: boolean | null;
  readonly runs_anyway: boolean;
}

interface Opened {
  /** How many parents each task waits for. */
  readonly waitingFor: ReadonlyMap<number, number>;
  readonly routes: ReadonlyMap<number, number | null>;
}

/**
 * What takes longest comes first: claims of a parent may have to wait while
 * it is held.
 */
async function insert(
  sql: Transaction,
  accepted: readonly Keyed[],
  outside: ReadonlyMap<string, number>,
): Promise<Opened> {
  if (accepted.length === 0) return { waitingFor: new Map(), routes: new Map() };
  await insertTasks(sql, accepted);
  const seqById = new Map([...outside, ...accepted.map(({ task, seq }) => [task.task_id, seq] as const)]);
  const inside = new Set(accepted.map(({ seq }) => seq));
  const parents = new Set(accepted.flatMap(({ task }) => parentsOf(task, seqById)));
  const outsideParents = [...parents].filter((seq) => !inside.has(seq));
  await holdOpenParents(sql, outsideParents);
  const standings = await readStandings(sql, outsideParents);
  const edges = accepted.flatMap(({ task, seq }) =>
    parentsOf(task, seqById).map(
      (parent): Edge => ({
        parent,
        child: seq,
        met: standings.get(parent) === "completed" ? true : null,
        runs_anyway: task.on_parent_failure === "run",
      }),
    ),
  );
  const waitingFor = new Map<number, number>();
  for (const { child, met } of edges)
    if (met === null) waitingFor.set(child, (waitingFor.get(child) ?? 0) + 1);
  const routes = await openTasks(sql, accepted, { waitingFor, parents });
  await insertEdges(sql, edges);
  const failed = outsideParents.filter((seq) => standings.get(seq) === "failed");
  if (failed.length > 0)
    await sql`insert into ended_parents (seq) select seq from unnest(${failed}::bigint[]) as x(seq)`;
  return { waitingFor, routes };
}

function parentsOf(task: NewTask, seqById: ReadonlyMap<string, number>): readonly number[] {
  return (task.dependencies ?? []).flatMap((id) => seqById.get(id) ?? []);
}

async function insertTasks(sql: Transaction, accepted: readonly Keyed[]): Promise<void> {
  const rows = accepted.map(({ task, seq, createdAt }, i) => ({
    ...toRow(task, i),
    seq,
    created_at: createdAt.toISOString(),
  }));
  const traced = traceColumn(
    sql,
    accepted.map(({ task }) => task),
  );
  await sql`
    insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, dependencies, on_parent_failure,
      timeout_s, max_attempts, backoff, run_at, tenant, ttl_s, correlation_id, created_at${traced.name})
    select seq, task_id, task_type, owner_id, lane, priority, coalesce(payload_text::json, payload, 'null'),
      dependencies, on_parent_failure, timeout_s, max_attempts, backoff, run_at, tenant, ttl_s, correlation_id, created_at${traced.name}
    from json_to_recordset(${rowsAsJson(rows, "payload")}::text::json) as x(
      seq bigint, created_at timestamptz, task_id text, task_type text, owner_id bigint, lane text, priority smallint,
      payload_text text, payload json, dependencies json, on_parent_failure text, timeout_s integer,
      max_attempts smallint, backoff json, run_at timestamptz, tenant text, ttl_s integer, correlation_id text${traced.typed})`;
  if (!accepted.some(({ task }) => hasDeadline(task))) return;
  await sql`
    insert into task_deadlines (seq, expires_at)
    select seq, greatest(run_at, created_at) + ttl_s * interval '1 second' from tasks
    where seq = any(${accepted.map(({ seq }) => seq)}::bigint[]) and ttl_s is not null`;
}

interface Relations {
  readonly waitingFor: ReadonlyMap<number, number>;
  readonly parents: ReadonlySet<number>;
}

async function openTasks(
  sql: Transaction,
  accepted: readonly Keyed[],
  { waitingFor, parents }: Relations,
): Promise<ReadonlyMap<number, number | null>> {
  const rows = accepted.map(({ task, seq, createdAt }) => ({
    seq,
    task_type: task.task_type,
    owner_id: task.owner_id,
    lane: task.lane,
    priority: task.priority,
    tenant: task.tenant ?? NO_TENANT,
    run_at: task.run_at,
    created_at: createdAt.toISOString(),
    waiting_for: waitingFor.get(seq) ?? 0,
    has_children: parents.has(seq),
  }));
  const opened = await sql<{ seq: number; route: number | null }[]>`
    insert into open_tasks (seq, lane, priority, tenant, ready_at, published_at, waiting_for, has_children, lease_type,
      lease_owner, is_shelved)
    select seq, lane, priority, tenant, greatest(run_at, created_at),
      case when waiting_for = 0 and run_at <= created_at + ${SCHEDULE_HORIZON_MS} * interval '1 millisecond'
        then created_at end, waiting_for, has_children,
      case when route > 0 then task_type end, case when route > 0 then owner_id end, coalesce(route = ${SHELVED}, false)
    from (
      select x.*, ${routeOf(sql, "x.task_type")} as route
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as x(
        seq bigint, task_type text, owner_id bigint, lane text, priority smallint, tenant text, run_at timestamptz,
        created_at timestamptz, waiting_for integer, has_children boolean)
    ) routed
    returning seq, case when is_shelved then ${SHELVED}::integer when lease_type is not null then 1 end as route`;
  return new Map(opened.map(({ seq, route }) => [seq, route]));
}

async function insertEdges(sql: Transaction, edges: readonly Edge[]): Promise<void> {
  if (edges.length === 0) return;
  await sql`
    insert into task_edges (parent, child, met, runs_anyway)
    select parent, child, met, runs_anyway from json_to_recordset(${JSON.stringify(edges)}::text::json) as x(
      parent bigint, child bigint, met boolean, runs_anyway boolean)`;
}
