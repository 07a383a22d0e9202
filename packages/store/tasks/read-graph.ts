import { phaseOf, statusOf, type TaskPhase, type TaskStatus } from "@millrace/core";
import { GRAPH_EDGES_MAX, GRAPH_NODES_MAX } from "@millrace/core/limits";
import type { Sql, Transaction } from "../connect.ts";
import { type StandingRow, stateOf } from "./task-row.ts";

export interface GraphNodeRow {
  readonly seq: number;
  readonly taskId: string;
  readonly taskType: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Parents that have not ended yet. */
  readonly waitingFor: number;
  readonly onParentFailure: "fail" | "run";
  readonly errorCode: string | null;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
}

/** `down`: the task and what depends on it. `both`: everything that is connected with it. */
export type Reach = "down" | "both";

export interface Graph {
  /** In the order of their submission. */
  readonly nodes: readonly GraphNodeRow[];
  readonly edges: readonly GraphEdge[];
  readonly isTruncated: boolean;
}

export interface Within {
  readonly seqs: readonly number[];
  /** There are more than GRAPH_NODES_MAX. */
  readonly isTruncated: boolean;
}

/** The tasks within reach, nearest first, the task itself included. */
export async function listReach(sql: Sql, seq: number, reach: Reach): Promise<Within> {
  return await atOneMoment(sql, (transaction) => findWithin(transaction, seq, reach));
}

/** Everything that is connected with the task, and where it stands, without payloads and results. */
export async function readGraph(sql: Sql, seq: number): Promise<Graph> {
  return await atOneMoment(sql, async (transaction) => {
    const { seqs, isTruncated } = await findWithin(transaction, seq, "both");
    const nodes = await listNodes(transaction, seqs);
    const edges = await transaction<GraphEdge[]>`
      select parent as "from", child as "to" from task_edges
      where parent = any(${[...seqs]}::bigint[]) and child = any(${[...seqs]}::bigint[])
      order by child, parent limit ${GRAPH_EDGES_MAX + 1}`;
    return {
      nodes,
      edges: edges.slice(0, GRAPH_EDGES_MAX),
      isTruncated: isTruncated || edges.length > GRAPH_EDGES_MAX,
    };
  });
}

/**
 * One snapshot for all. Statistics about these tables are as wrong as those about the queue (see `../connect.ts`): a plan
 * that was made while there were no graphs reads all edges, so scans are off.
 */
async function atOneMoment<T>(sql: Sql, read: (transaction: Transaction) => Promise<T>): Promise<T> {
  const result = await sql.begin("isolation level repeatable read read only", async (transaction) => {
    await transaction`select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
      set_config('enable_mergejoin', 'off', true)`;
    return await read(transaction);
  });
  return result as T; // What the library makes of a promise's type is the type itself.
}

async function findWithin(sql: Transaction, seq: number, reach: Reach): Promise<Within> {
  const upwards =
    reach === "down" ? sql`` : sql`union all select e.parent from task_edges e where e.child = r.seq`;
  const rows = await sql<{ seq: number }[]>`
    with recursive reached (seq) as (
      select ${seq}::bigint
      union
      select n.seq from reached r cross join lateral (
        select e.child as seq from task_edges e where e.parent = r.seq ${upwards} offset 0
      ) n
    )
    select seq from reached limit ${GRAPH_NODES_MAX + 1}`;
  const seqs = rows.slice(0, GRAPH_NODES_MAX).map((row) => row.seq);
  return { seqs, isTruncated: rows.length > GRAPH_NODES_MAX };
}

interface NodeRow extends StandingRow {
  readonly seq: number;
  readonly task_type: string;
  readonly on_parent_failure: "run" | null;
  readonly error_code: string | null;
  readonly started: number;
  readonly now: Date;
}

async function listNodes(sql: Transaction, seqs: readonly number[]): Promise<readonly GraphNodeRow[]> {
  const rows = await sql<NodeRow[]>`
    select t.seq, t.task_id, t.task_type, t.max_attempts, t.on_parent_failure, o.attempt, o.failures,
      o.losses, o.waiting_for, o.claimed_by, o.ready_at, l.kind as last_kind, l.attempt as last_attempt, l.error_code,
      clock_timestamp() as now,
      (select count(*)::integer from outcomes c where c.seq = t.seq and c.started_at is not null)
        + (o.claimed_by is not null)::integer as started
    from tasks t left join lateral (select * from open_tasks p where p.seq = t.seq limit 1) o on true
    left join lateral (
      select e.kind, e.attempt, e.error_code from outcomes e where e.seq = t.seq order by e.attempt desc limit 1
    ) l on true
    where t.seq = any(${[...seqs]}::bigint[]) order by t.seq`;
  return rows.map(toNode);
}

function toNode(row: NodeRow): GraphNodeRow {
  const phase = phaseOf(stateOf(row), row.now.getTime());
  return {
    seq: row.seq,
    taskId: row.task_id,
    taskType: row.task_type,
    status: statusOf(phase),
    phase,
    attempts: row.started,
    maxAttempts: row.max_attempts,
    waitingFor: row.waiting_for ?? 0,
    onParentFailure: row.on_parent_failure ?? "fail",
    errorCode: row.last_kind === "completed" ? null : row.error_code,
  };
}
