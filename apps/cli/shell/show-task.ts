import type { Attempt, Task } from "@millrace/client";
import { formatFields, formatTable } from "./table.ts";

export function showTask(task: Task): string {
  const { error } = task;
  return formatFields([
    ["task", task.task_id],
    ["type", task.task_type],
    ["status", task.status === task.phase ? task.status : `${task.status} (${task.phase})`],
    ["lane", `${task.lane}, priority ${task.priority}`],
    ["attempts", `${task.attempts} (fails for good after ${task.max_attempts} failures)`],
    ["worker", task.worker_id],
    ["waits for", task.dependencies.join(", ")],
    ["created", task.created_at],
    ["started", task.started_at],
    ["ended", task.completed_at],
    ["next try", task.next_attempt_at],
    ["payload", JSON.stringify(task.payload)],
    ["result", task.result === null ? null : JSON.stringify(task.result)],
    ["error", error === null ? null : `${error.code}: ${error.message}`],
    ["correlation", task.correlation_id],
  ]);
}

export function showTasks(tasks: readonly Task[]): string {
  return formatTable(
    ["task", "type", "status", "prio", "lane", "attempts", "created", "error"],
    tasks.map((task) => [
      task.task_id,
      task.task_type,
      task.status === "pending" ? `pending (${task.phase})` : task.status,
      String(task.priority),
      task.lane,
      String(task.attempts),
      task.created_at,
      task.error === null ? "" : `${task.error.code}: ${task.error.message}`,
    ]),
  );
}

export function showAttempts(attempts: readonly Attempt[]): string {
  return formatTable(
    ["attempt", "status", "worker", "started", "took", "error"],
    attempts.map((attempt) => [
      String(attempt.attempt),
      attempt.status,
      attempt.worker_id ?? "",
      attempt.started_at ?? "",
      durationOf(attempt),
      attempt.error === null ? "" : `${attempt.error.code}: ${attempt.error.message}`,
    ]),
  );
}

function durationOf({ started_at: started, ended_at: ended }: Attempt): string {
  return started === null || ended === null ? "" : `${Date.parse(ended) - Date.parse(started)} ms`;
}

/** What attempts wrote that ran alone. */
export function showLogs(attempts: readonly Attempt[]): string {
  return attempts
    .flatMap(({ attempt, log }) =>
      log === null ? [] : [`\n\nlog of attempt ${attempt}, which ran alone:\n${log.trimEnd()}`],
    )
    .join("");
}
