import { groupSizes, type Metrics } from "@millrace/observe";
import type { NewTask } from "@millrace/store";

export interface TaskMetrics {
  /** Told the size of each group of tasks that was committed. */
  readonly onGroup: (rows: number) => void;
  stored(tasks: readonly Pick<NewTask, "lane" | "task_type">[]): void;
  /** Tasks that were not stored, because another one held their key. */
  deduplicated(tasks: readonly Pick<NewTask, "dedup" | "task_type">[]): void;
  /** How long it took until the tasks of one request were committed. */
  committed(seconds: number): void;
}

export function createTaskMetrics(metrics: Metrics): TaskMetrics {
  const submitted = metrics.counter({
    name: "millrace_tasks_submitted_total",
    help: "Tasks that were stored; repetitions of known ones do not count.",
    labels: ["lane", "task_type"],
  });
  const deduplicated = metrics.counter({
    name: "millrace_tasks_deduplicated_total",
    help: "Submissions that were not stored, because another task held their key.",
    labels: ["kind", "task_type"],
  });
  const durations = metrics.histogram({
    name: "millrace_task_submit_duration_seconds",
    help: "From the moment that a request's tasks were read until they were committed.",
  });
  return {
    onGroup: groupSizes(metrics, "submit"),
    stored: (tasks) => {
      for (const { lane, task_type } of tasks) submitted.add({ lane, task_type });
    },
    deduplicated: (tasks) => {
      for (const { dedup, task_type } of tasks) deduplicated.add({ kind: dedup?.kind ?? "", task_type });
    },
    committed: (seconds) => durations.observe({}, seconds),
  };
}
