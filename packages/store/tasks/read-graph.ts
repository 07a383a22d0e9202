import { phaseOf, statusOf, type TaskPhase, type TaskStatus } from "@millrace/core";
import { GRAPH_EDGES_MAX, GRAPH_NODES_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";
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

/** The tasks within reach, nearest first, the task itself included; one more than asked for tells that there are more. */
export async function listReach(sql: Sql, seq: number, reach: Reach): Promise<readonly number[]> {
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
  return rows.map((row) => row.seq);
}

/** Dependencies among these tasks; one more than GRAPH_EDGES_MAX tells that there are more. */
export async function listEdges(sql: Sql, seqs: readonly number[]): Promise<readonly GraphEdge[]> {
  const wanted = [...seqs];
  return await sql<GraphEdge[]>`
    select parent as "from", child as "to" from task_edges
    where parent = any(${wanted}::bigint[]) and child = any(${wanted}::bigint[])
    order by child, parent limit ${GRAPH_EDGES_MAX + 1}`;
}

interface NodeRow extends StandingRow {
  readonly seq: number;
  readonly task_type: string;
  readonly on_parent_failure: "run" | null;
  readonly error_code: string | null;
  readonly started: number;
  readonly now: Date;
}

/** Where each of these tasks stands, without payloads and results, in the order of their submission. */
export async function listNodes(sql: Sql, seqs: readonly number[]): Promise<readonly GraphNodeRow[]> {
  const rows = await sql<NodeRow[]>`
    select t.seq, t.task_id, t.task_type, t.max_attempts, t.on_parent_failure, o.attempt, o.failures,
      o.losses, o.waiting_for, o.claimed_by, o.ready_at, l.kind as last_kind, l.attempt as last_attempt, l.error_code,
      clock_timestamp() as now,
      (select count(*)::integer from outcomes c where c.seq = t.seq and c.started_at is not null)
        + (o.claimed_by is not null)::integer as started
    from tasks t left join open_tasks o on o.seq = t.seq
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
