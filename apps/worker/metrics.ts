import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@millrace/observe";

export interface WorkerMetrics {
  readonly outcomes: CounterMetric<"task_type" | "outcome">;
  readonly runSeconds: HistogramMetric<"task_type">;
  readonly refusedClaims: CounterMetric<"reason">;
  readonly poison: CounterMetric<never>;
  readonly slots: GaugeMetric<"lane" | "state">;
}

export function createWorkerMetrics(
  metrics: Metrics,
  collect: (gauge: GaugeMetric<"lane" | "state">) => void,
): WorkerMetrics {
  return {
    outcomes: metrics.counter({
      name: "millrace_attempts_total",
      help: "Attempts that ended, by task type and outcome (completed, failed, dead, returned, refused).",
      labels: ["task_type", "outcome"],
    }),
    runSeconds: metrics.histogram({
      name: "millrace_attempt_duration_seconds",
      help: "How long attempts ran, from claim to end.",
      labels: ["task_type"],
    }),
    refusedClaims: metrics.counter({
      name: "millrace_claims_refused_total",
      help: "Deliveries whose attempt was over (stale) or somebody else's (held).",
      labels: ["reason"],
    }),
    poison: metrics.counter({
      name: "millrace_poison_messages_total",
      help: "Messages in TASKS that could not be read.",
    }),
    slots: metrics.gauge({
      name: "millrace_worker_slots",
      help: "Slots of this worker, by lane and state (busy, free).",
      labels: ["lane", "state"],
      collect,
    }),
  };
}
