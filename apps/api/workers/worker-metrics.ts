import type { CounterMetric, Metrics } from "@millrace/observe";

export interface WorkerMetrics {
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
  return {
    leased: metrics.counter({
      name: "millrace_leased_tasks_total",
      help: "Tasks that workers over HTTP were given.",
      labels: ["task_type"],
    }),
    ended: metrics.counter({
      name: "millrace_leases_ended_total",
      help: "How tasks ended that workers over HTTP had: completed, failed, dead.",
      labels: ["task_type", "outcome"],
    }),
    refused: metrics.counter({
      name: "millrace_leases_lost_total",
      help: "Words about leases that did not hold any more.",
      labels: ["step"],
    }),
  };
}
