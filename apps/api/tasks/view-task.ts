import type { AttemptRecord, NewTask, TaskRecord } from "@millrace/store";
import { isoTime } from "../http/iso-time.ts";
import type { LiveTasks } from "../live/live-tasks.ts";
import { viewDedup } from "./read-dedup.ts";

/** A task as clients see it. `progress` is what its handler told last, while it runs. */
export function viewTask(task: TaskRecord, live: Pick<LiveTasks, "progressOf">) {
  return {
    task_id: task.taskId,
    task_type: task.taskType,
    status: task.status,
    phase: task.phase,
    payload: task.payload,
    priority: task.priority,
    lane: task.lane,
    dependencies: task.dependencies,
    on_parent_failure: task.onParentFailure,
    timeout: task.timeoutS,
    worker_id: task.workerId,
    attempts: task.attempts,
    max_attempts: task.maxAttempts,
    backoff: task.backoff,
    tenant: task.tenant,
    ...viewDedup(task.dedup),
    expires_at: expiryOf(task.ttlS, task.runAt, task.createdAt),
    progress: progressOf(task, live),
    created_at: isoTime(task.createdAt),
    run_at: isoTime(task.runAt),
    started_at: isoTime(task.startedAt),
    completed_at: isoTime(task.completedAt),
    next_attempt_at: isoTime(task.nextAttemptAt),
    result: task.result,
    error: task.error,
    correlation_id: task.correlationId,
  };
}

/** Not started by then, it fails. */
function expiryOf(ttlS: number | null, runAt: Date | null, createdAt: Date): string | null {
  if (ttlS === null) return null;
  const dueMs = Math.max(runAt?.getTime() ?? 0, createdAt.getTime());
  return new Date(dueMs + ttlS * 1000).toISOString();
}

function progressOf(task: TaskRecord, live: Pick<LiveTasks, "progressOf">): number | null {
  if (task.phase === "done") return 1;
  return task.runningAttempt === null ? null : live.progressOf(task.seq, task.runningAttempt);
}

/** The same for a task that was stored a moment ago: nothing has happened to it yet. */
export function viewNewTask(task: NewTask, createdAt: Date, waitingFor = 0) {
  const isLater = task.run_at !== null && Date.parse(task.run_at) > createdAt.getTime();
  const isScheduled = isLater && waitingFor === 0;
  return {
    task_id: task.task_id,
    task_type: task.task_type,
    status: "pending",
    phase: waitingFor > 0 ? "waiting" : isScheduled ? "scheduled" : "queued",
    payload: task.payload,
    priority: task.priority,
    lane: task.lane,
    dependencies: task.dependencies ?? [],
    on_parent_failure: task.on_parent_failure ?? "fail",
    timeout: task.timeout_s,
    worker_id: null,
    attempts: 0,
    max_attempts: task.max_attempts,
    backoff: task.backoff,
    tenant: task.tenant,
    ...viewDedup(task.dedup),
    expires_at: expiryOf(task.ttl_s ?? null, task.run_at === null ? null : new Date(task.run_at), createdAt),
    progress: null,
    created_at: isoTime(createdAt),
    run_at: task.run_at,
    started_at: null,
    completed_at: null,
    next_attempt_at: isScheduled ? task.run_at : null,
    result: null,
    error: null,
    correlation_id: task.correlation_id,
  };
}

export function viewAttempt(attempt: AttemptRecord) {
  return {
    attempt: attempt.attempt,
    status: attempt.status,
    worker_id: attempt.workerId,
    started_at: isoTime(attempt.startedAt),
    ended_at: isoTime(attempt.endedAt),
    retry_at: isoTime(attempt.retryAt),
    result: attempt.result,
    error: attempt.error,
    log: attempt.log,
  };
}
