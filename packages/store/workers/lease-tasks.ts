import { hasTemplates, type Json, type Lane } from "@millrace/core";
import { LEASE_ALONE_HELD_S, SHORT_LANE_TIMEOUT_S_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

export interface LeaseWish {
  readonly workerId: string;
  readonly session: string;
  /** Whose tasks; null: everybody's. */
  readonly ownerId: number | null;
  readonly tasksMax: number;
  /** In which order the priorities are asked. */
  readonly priorities: readonly number[];
  /** How long a lease holds that is not extended. */
  readonly leaseS: number;
}

export interface LeasedTask {
  readonly seq: number;
  readonly taskId: string;
  readonly taskType: string;
  readonly attempt: number;
  readonly payload: Json;
  /** The payload is to be filled with the parents' results. */
  readonly hasTemplates: boolean;
  readonly lane: Lane;
  readonly priority: number;
  readonly timeoutS: number;
  readonly maxAttempts: number;
  readonly correlationId: string;
  readonly traceContext: string | null;
  readonly leaseUntil: Date;
}

export interface Leasing {
  /** False: the worker is gone, draining, or another life of it has begun. */
  readonly isCurrent: boolean;
  /** Slots that were free before. */
  readonly free: number;
  readonly tasks: readonly LeasedTask[];
  /** When the next task is due that it could have had; null when it got all that it wanted, or none is coming. */
  readonly nextDue: Date | null;
  /** Guards for which tasks were parked that it would have had. There may be others behind them: ask again. */
  readonly heldBy: readonly string[];
}

interface LeaseRow {
  readonly is_current: boolean;
  readonly free: number;
  readonly taken: readonly number[];
  readonly attempts: readonly number[];
  readonly untils: readonly Date[];
  readonly next_due: Date | null;
  readonly held_by: readonly string[];
}

interface TaskRow {
  readonly seq: number;
  readonly task_id: string;
  readonly task_type: string;
  readonly payload: Json;
  readonly has_parents: boolean;
  readonly lane: Lane;
  readonly priority: number;
  readonly timeout_s: number;
  readonly max_attempts: number;
  readonly correlation_id: string;
  readonly is_alone: boolean;
  readonly trace_context: string | null;
}

/**
 * Claims what a worker over HTTP may run next, up to its limit; see `lease_tasks` in the migrations. Committed when it
 * resolves. If the caller dies before it has told the worker, the leases run out.
 */
export async function leaseTasks(sql: Sql, wish: LeaseWish): Promise<Leasing> {
  const [row] = await sql<LeaseRow[]>`
    select is_current, free, taken::text[]::float8[] as taken, attempts, untils, next_due, held_by
    from lease_tasks(${wish.workerId}, ${wish.session}, ${wish.ownerId}::bigint, ${wish.tasksMax},
      ${[...wish.priorities]}::smallint[], ${wish.leaseS}, ${SHORT_LANE_TIMEOUT_S_MAX},
      ${LEASE_ALONE_HELD_S})`;
  if (row === undefined) throw new Error("lease_tasks answers in one row");
  const { is_current: isCurrent, free, next_due: nextDue, held_by: heldBy } = row;
  if (row.taken.length === 0) return { isCurrent, free, tasks: [], nextDue, heldBy };
  const asked = await sql<TaskRow[]>`
    select seq, task_id, task_type, payload, dependencies is not null as has_parents, lane, priority, timeout_s,
      max_attempts, correlation_id, trace_context,
      coalesce((select o.is_alone from open_tasks o where o.seq = t.seq), false) as is_alone
    from tasks t where seq = any(${[...row.taken]}::bigint[])`;
  const bySeq = new Map(asked.map((task) => [task.seq, task]));
  const tasks = row.taken.flatMap((seq, index) => {
    const task = bySeq.get(seq);
    const attempt = row.attempts[index];
    const leaseUntil = row.untils[index];
    if (task === undefined || attempt === undefined || leaseUntil === undefined) return [];
    return [toLeased(task, attempt, leaseUntil)];
  });
  // What runs alone takes all that was free: that it got no more does not mean that there is no more for others.
  const isAlone = asked.some((task) => task.is_alone);
  return { isCurrent, free: isAlone ? tasks.length : free, tasks, nextDue, heldBy };
}

function toLeased(task: TaskRow, attempt: number, leaseUntil: Date): LeasedTask {
  return {
    seq: task.seq,
    taskId: task.task_id,
    taskType: task.task_type,
    attempt,
    payload: task.payload,
    hasTemplates: task.has_parents && hasTemplates(task.payload),
    lane: task.lane,
    priority: task.priority,
    timeoutS: task.lane === "short" ? Math.min(task.timeout_s, SHORT_LANE_TIMEOUT_S_MAX) : task.timeout_s,
    maxAttempts: task.max_attempts,
    correlationId: task.correlation_id,
    traceContext: task.trace_context,
    leaseUntil,
  };
}
