import type { CounterMetric, Metrics } from "@millrace/observe";

export interface WorkerMetrics {
  /** Attempts of workers over HTTP that ended by their word since this process began, for its pulse. */
  outcomes(): { readonly attempts_completed: number; readonly attempts_failed: number };
  readonly leased: CounterMetric<"task_type">;
  readonly ended: CounterMetric<"task_type" | "outcome">;
  readonly refused: CounterMetric<"step">;
}

export function createWorkerMetrics(metrics: Metrics, waiting: () => number): WorkerMetrics {
  metrics.gauge({
    name: "millrace_leases_waiting",
    help: "Requests of workers over HTTP that wait for tasks in this process.",
    collect: (gauge) => gauge.set({}, waiting()),
  });
  const ended = metrics.counter({
    name: "millrace_leases_ended_total",
    help: "How tasks ended that workers over HTTP had: completed, failed, dead.",
    labels: ["task_type", "outcome"],
  });
  const outcomes = { attempts_completed: 0, attempts_failed: 0 };
  return {
    outcomes: () => outcomes,
    leased: metrics.counter({
      name: "millrace_leased_tasks_total",
      help: "Tasks that workers over HTTP were given.",
      labels: ["task_type"],
    }),
    ended: {
      add: (labels, by = 1) => {
        ended.add(labels, by);
        if (labels.outcome === "completed") outcomes.attempts_completed += by;
        if (labels.outcome === "failed" || labels.outcome === "dead") outcomes.attempts_failed += by;
      },
    },
    refused: metrics.counter({
      name: "millrace_leases_lost_total",
      help: "Words about leases that did not hold any more.",
      labels: ["step"],
    }),
  };
}
