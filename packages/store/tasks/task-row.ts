import {
  type EndState,
  type Json,
  type Lane,
  phaseOf,
  statusOf,
  type TaskError,
  type TaskPhase,
  type TaskState,
  type TaskStatus,
} from "@millrace/core";
import type { BackoffWords, DedupWords } from "@millrace/protocol";
import { workerIdOf } from "@millrace/protocol";

/** A task with where it stands: what was asked, its open row if it has one, and its last outcome. */
export interface TaskRecord {
  readonly seq: number;
  readonly taskId: string;
  readonly taskType: string;
  readonly ownerId: number;
  readonly lane: Lane;
  readonly priority: number;
  readonly payload: Json;
  readonly dependencies: readonly string[];
  readonly onParentFailure: "fail" | "run";
  readonly timeoutS: number;
  readonly maxAttempts: number;
  readonly backoff: BackoffWords;
  readonly runAt: Date | null;
  readonly tenant: string | null;
  readonly ttlS: number | null;
  /** The key under which it was submitted. */
  readonly dedup: DedupWords | null;
  readonly correlationId: string;
  readonly createdAt: Date;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  /** Attempts that were started. */
  readonly attempts: number;
  /** The number of the attempt that runs now, which is no count: a cancellation uses up a number, too. */
  readonly runningAttempt: number | null;
  readonly workerId: string | null;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly result: Json;
  readonly error: TaskError | null;
}

/** What `TASK_COLUMNS` selects. */
export interface TaskRow {
  readonly seq: number;
  readonly task_id: string;
  readonly task_type: string;
  readonly owner_id: number;
  readonly lane: Lane;
  readonly priority: number;
  readonly payload: Json;
  readonly dependencies: readonly string[] | null;
  readonly on_parent_failure: "run" | null;
  readonly timeout_s: number;
  readonly max_attempts: number;
  readonly backoff: BackoffWords;
  readonly run_at: Date | null;
  readonly tenant: string | null;
  readonly ttl_s: number | null;
  readonly dedup: DedupWords | null;
  readonly correlation_id: string;
  readonly created_at: Date;
  readonly attempt: number | null;
  readonly failures: number | null;
  readonly losses: number | null;
  readonly waiting_for: number | null;
  readonly claimed_by: string | null;
  readonly claimed_at: Date | null;
  readonly ready_at: Date | null;
  /** It is parked, or its lane or type is paused. */
  readonly is_held: boolean;
  readonly now: Date;
  readonly last_kind: EndKind | "failed" | "lost" | "returned" | null;
  readonly last_attempt: number | null;
  readonly last_claimed_by: string | null;
  readonly last_started_at: Date | null;
  readonly last_ended_at: Date | null;
  readonly result: Json | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly started: number;
}

type EndKind = EndState["how"];

/**
 * The joins that find where a task `t` stands. Whoever is open has a row in open_tasks; whoever is not has ended with
 * its last outcome. Both come from one statement, hence from one snapshot: nobody is seen as neither. All are lookups by
 * row, right on a pool of `BY_KEY` as on any other.
 */
export const TASK_COLUMNS = `
  t.seq, t.task_id, t.task_type, t.owner_id, t.lane, t.priority, t.payload, t.dependencies, t.on_parent_failure, t.timeout_s,
  t.max_attempts, t.backoff, t.run_at, t.tenant, t.ttl_s, t.dedup, t.correlation_id, t.created_at,
  o.attempt, o.failures, o.losses, o.waiting_for, o.claimed_by, o.claimed_at, o.ready_at, clock_timestamp() as now,
  o.parked_for is not null or exists (
    select 1 from queue_pauses p where p.name = case when p.is_lane then t.lane else t.task_type end) as is_held,
  l.kind as last_kind, l.attempt as last_attempt, l.claimed_by as last_claimed_by, l.started_at as last_started_at,
  l.ended_at as last_ended_at, l.result, l.error_code, l.error_message,
  (select count(*)::integer from outcomes c where c.seq = t.seq and c.started_at is not null)
    + (o.claimed_by is not null)::integer as started`;

export const TASK_JOINS = `
  left join lateral (select * from open_tasks e where e.seq = t.seq limit 1) o on true
  left join lateral (
    select * from outcomes e where e.seq = t.seq order by e.attempt desc limit 1
  ) l on true`;

export function toRecord(row: TaskRow): TaskRecord {
  const state = stateOf(row);
  const phase = phaseOf(state, row.now.getTime(), row.is_held);
  const isOpen = state.kind === "open";
  const isClaimed = isOpen && state.claimedBy !== null;
  const session = isClaimed ? row.claimed_by : row.last_claimed_by;
  return {
    seq: row.seq,
    taskId: row.task_id,
    taskType: row.task_type,
    ownerId: row.owner_id,
    lane: row.lane,
    priority: row.priority,
    payload: row.payload,
    dependencies: row.dependencies ?? [],
    onParentFailure: row.on_parent_failure ?? "fail",
    timeoutS: row.timeout_s,
    maxAttempts: row.max_attempts,
    backoff: row.backoff,
    runAt: row.run_at,
    tenant: row.tenant,
    ttlS: row.ttl_s,
    dedup: row.dedup,
    correlationId: row.correlation_id,
    createdAt: row.created_at,
    status: statusOf(phase),
    phase,
    attempts: row.started ?? 0,
    runningAttempt: isClaimed ? row.attempt : null,
    workerId: session === null ? null : workerIdOf(session),
    startedAt: isClaimed ? row.claimed_at : row.last_started_at,
    completedAt: isOpen ? null : row.last_ended_at,
    nextAttemptAt: phase === "scheduled" || phase === "retry_wait" ? row.ready_at : null,
    result: isOpen ? null : row.result,
    error: errorOf(row),
  };
}

/** While a task is open, the error of its last attempt is worth seeing; once it has completed, no more. */
function errorOf(row: TaskRow): TaskError | null {
  if (row.error_code === null || row.last_kind === "completed") return null;
  return { code: row.error_code, message: row.error_message ?? "" };
}

/** The columns that tell where a task stands. */
export type StandingRow = Pick<
  TaskRow,
  | "task_id"
  | "max_attempts"
  | "attempt"
  | "failures"
  | "losses"
  | "waiting_for"
  | "claimed_by"
  | "ready_at"
  | "last_kind"
  | "last_attempt"
>;

export function stateOf(row: StandingRow): TaskState {
  if (row.attempt === null) return endOf(row);
  return {
    kind: "open",
    attempt: row.attempt,
    failures: row.failures ?? 0,
    losses: row.losses ?? 0,
    maxAttempts: row.max_attempts,
    claimedBy: row.claimed_by,
    waitingFor: row.waiting_for ?? 0,
    // A parked task is due at infinity, which is no Date.
    readyAtMs: row.ready_at === null || Number.isNaN(row.ready_at.getTime()) ? 0 : row.ready_at.getTime(),
  };
}

function endOf(row: StandingRow): EndState {
  const { last_kind: how, last_attempt: attempt, max_attempts: maxAttempts } = row;
  if (how === "completed" || how === "dead" || how === "cancelled")
    return { kind: "ended", how, attempt: attempt ?? 0, maxAttempts };
  // A task is either open or has a last word. Anything else is a damaged database, and must be loud.
  throw new Error(`task ${row.task_id} is not open, and its last outcome is ${how ?? "missing"}`);
}
