import { assert, hasTemplates, type Json, type Lane, NO_TENANT } from "@millrace/core";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { BackoffWords, DedupWords, Dispatch, LeaseRoute } from "@millrace/protocol";
import postgres from "postgres";
import type { Sql, Transaction } from "../connect.ts";
import { routesOf, SHELVED, withRoute } from "../workers/route-of.ts";
import { rowsAsJson } from "./hostile-content.ts";
import { sharedLevels } from "./tenant-turns.ts";

/** A task as it goes in: the row of `tasks`, in the words of its columns. */
export interface NewTask {
  readonly task_id: string;
  readonly task_type: string;
  readonly owner_id: number;
  readonly lane: Lane;
  readonly priority: number;
  readonly payload: Json;
  readonly dependencies: readonly string[] | null;
  /** Of tasks with dependencies; absent: fail. */
  readonly on_parent_failure?: "fail" | "run";
  readonly timeout_s: number;
  readonly max_attempts: number;
  readonly backoff: BackoffWords;
  /** RFC 3339; null runs at once. */
  readonly run_at: string | null;
  readonly tenant: string | null;
  /** Not started so many seconds after it was due, it fails with EXPIRED; absent: never. */
  readonly ttl_s?: number | null;
  /** The key that it stands for; it goes in by `submitKeyed`, which keeps others with the same key out. */
  readonly dedup?: DedupWords;
  readonly correlation_id: string;
  /** Of the request, where its trace is recorded. */
  readonly trace_context?: string;
}

export type Submission =
  | {
      readonly kind: "stored";
      readonly seq: number;
      readonly createdAt: Date;
      readonly waitingFor?: number;
      /** Absent: the workers of the product run it. */
      readonly route?: LeaseRoute;
    }
  /** The id is taken, maybe by the very same task: `compare-task.ts` tells. */
  | { readonly kind: "taken" }
  /** Another task holds its key; this one left no trace, but for its payload when it is debounced. */
  | {
      readonly kind: "deduplicated";
      readonly taskId: string;
      readonly seq: number;
      /** True: it is due at another time now, and its message is to be written again. */
      readonly isMoved: boolean;
    };

interface StoredRow {
  readonly i: number;
  readonly seq: number;
  readonly created_at: Date;
  readonly route: number | null;
}

/**
 * Stores tasks in one statement, hence in one transaction, and answers each in order.
 * Ids that exist already, or come twice in the list (the first wins), are "taken" and leave no trace.
 * Two transactions that insert the same ids in different orders would wait for each other in a circle; in one order they
 * wait in a line. The internal ids follow the caller's order all the same: that is the order of lists and of the queue.
 * Internal ids that meet others, as they can after a clock went back, are made anew once.
 *
 * Measured beside variants, tests/bench/store.ts: the narrow open row, the id table, both list indexes and the
 * partitions together cost 20 % of what a bare append does.
 */
export async function submitTasks(
  sql: Sql | Transaction,
  tasks: readonly NewTask[],
): Promise<readonly Submission[]> {
  assert(!tasks.some(isInGraph), "tasks with dependencies go in by submitGraph");
  try {
    // A statement that fails takes its transaction along, unless it has a savepoint to go back to.
    return "savepoint" in sql ? await sql.savepoint((inner) => store(inner, tasks)) : await store(sql, tasks);
  } catch (error) {
    if (!isIdTwice(error)) throw error;
    return await store(sql, tasks);
  }
}

export function isInGraph(task: NewTask): boolean {
  return task.dependencies !== null && task.dependencies.length > 0;
}

/** SQLSTATE 23505. It cannot be the task's own id: the statement takes those that exist as they are. */
export function isIdTwice(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === "23505";
}

async function store(sql: Sql | Transaction, tasks: readonly NewTask[]): Promise<readonly Submission[]> {
  const traced = traceColumn(sql, tasks);
  const keyed = keyColumn(sql, tasks);
  const rows = await sql<StoredRow[]>`
    with ${routesOf(sql, new Set(tasks.map((task) => task.task_type)))}, ${sharedLevels(sql, tasks)}, input as materialized (
      select next_task_seq() as seq, clock_timestamp() as created_at, x.*
      from json_to_recordset(${rowsAsJson(tasks.map(toRow), "payload")}::text::json) as x(
        i integer, task_id text, task_type text, owner_id bigint, lane text, priority smallint, payload_text text,
        payload json, dependencies json, timeout_s integer, max_attempts smallint, backoff json, run_at timestamptz,
        tenant text, ttl_s integer, correlation_id text${traced.typed}${keyed.typed})
    ), keyed as (
      insert into task_keys (task_id, seq) select task_id, seq from input order by task_id, i
      on conflict (task_id) do nothing returning seq
    ), stored as (
      insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, dependencies, timeout_s,
        max_attempts, backoff, run_at, tenant, ttl_s, correlation_id, created_at${traced.name}${keyed.name})
      select seq, task_id, task_type, owner_id, lane, priority, coalesce(payload_text::json, payload, 'null'),
        dependencies, timeout_s, max_attempts, backoff, run_at, tenant, ttl_s, correlation_id, created_at${traced.name}${keyed.name}
      from input where seq in (select seq from keyed)
    ), opened as (
      insert into open_tasks (seq, lane, priority, tenant, ready_at, published_at, lease_type, lease_owner, is_shelved)
      select seq, lane, priority,
        coalesce(tenant, case when run_at is not null or lane || priority in (select level from shared) then ${NO_TENANT} end),
        greatest(run_at, created_at),
        case when run_at <= created_at + ${SCHEDULE_HORIZON_MS} * interval '1 millisecond' then created_at end,
        case when route > 0 then task_type end, case when route > 0 then owner_id end, coalesce(route = ${SHELVED}, false)
      from input left join routes using (task_type) where seq in (select seq from keyed)
    ) ${tasks.some(hasDeadline) ? deadlines(sql) : sql``}
    select i, seq, created_at, route from input left join routes using (task_type) where seq in (select seq from keyed)`;
  const answers: Submission[] = tasks.map(() => TAKEN);
  for (const { i, seq, created_at: createdAt, route } of rows)
    answers[i] = { kind: "stored", seq, createdAt, ...withRoute(route) };
  return answers;
}

/** As `traceColumn`. */
function keyColumn(sql: Sql | Transaction, tasks: readonly NewTask[]) {
  return tasks.some(isKeyed)
    ? { name: sql`, dedup`, typed: sql`, dedup json` }
    : { name: sql``, typed: sql`` };
}

export function isKeyed({ dedup }: NewTask): boolean {
  return dedup !== undefined;
}

export function hasDeadline({ ttl_s: ttlS }: NewTask): boolean {
  return ttlS !== undefined && ttlS !== null;
}

/** The column of trace contexts, for statements in which somebody has one: the others read as ever. */
export function traceColumn(sql: Sql | Transaction, tasks: readonly NewTask[]) {
  const isTraced = tasks.some(({ trace_context }) => trace_context !== undefined);
  return isTraced
    ? { name: sql`, trace_context`, typed: sql`, trace_context text` }
    : { name: sql``, typed: sql`` };
}

/** A step more, for those who ask for it. */
function deadlines(sql: Sql | Transaction) {
  return sql`, limited as (
      insert into task_deadlines (seq, expires_at)
      select seq, greatest(run_at, created_at) + ttl_s * interval '1 second'
      from input where ttl_s is not null and seq in (select seq from keyed)
    )`;
}

const TAKEN: Submission = { kind: "taken" };

/** `i` leads back to the caller's order. What is null is left out: the statement reads the same, in less text. */
export function toRow(task: NewTask, i: number): { readonly i: number; readonly payload: Json } {
  const { dependencies, run_at, tenant } = task;
  return {
    i,
    ...task,
    ...{ dependencies: dependencies ?? undefined, run_at: run_at ?? undefined, tenant: tenant ?? undefined },
  };
}

/** What a first attempt needs to run, without reading it back. */
export function firstDispatch(task: NewTask, seq: number, route?: LeaseRoute): Dispatch {
  return {
    seq,
    task_id: task.task_id,
    task_type: task.task_type,
    attempt: 1,
    failures: 0,
    payload: task.payload,
    lane: task.lane,
    priority: task.priority,
    timeout: task.timeout_s,
    max_attempts: task.max_attempts,
    backoff: task.backoff,
    tenant: task.tenant,
    correlation_id: task.correlation_id,
    ...(task.trace_context !== undefined && { trace_context: task.trace_context }),
    ...(isInGraph(task) && hasTemplates(task.payload) && { has_templates: true }),
    ...(task.dedup?.kind === "debounce" && { is_debounced: true }),
    ...(route !== undefined && { route }),
  };
}
