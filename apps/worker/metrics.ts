import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@millrace/observe";

/** Queues may be hours long. */
const LONG_BUCKETS_S = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400,
] as const;

export interface WorkerMetrics {
  /** Attempts that ended since the process began, for its pulse. */
  ended(): { readonly attempts_completed: number; readonly attempts_failed: number };
  readonly outcomes: CounterMetric<"task_type" | "outcome">;
  readonly runSeconds: HistogramMetric<"task_type">;
  readonly startSeconds: HistogramMetric<"lane" | "priority">;
  readonly taskSeconds: HistogramMetric<"lane" | "outcome">;
  readonly refusedClaims: CounterMetric<"reason">;
  readonly poison: CounterMetric<never>;
  readonly aloneRuns: CounterMetric<"end">;
  readonly turns: CounterMetric<never>;
  readonly slots: GaugeMetric<"lane" | "state">;
}

export function createWorkerMetrics(
  metrics: Metrics,
  collect: (gauge: GaugeMetric<"lane" | "state">) => void,
): WorkerMetrics {
  const outcomes = metrics.counter({
    name: "millrace_attempts_total",
    help: "Attempts that ended, by task type and outcome (completed, failed, dead, returned, refused).",
    labels: ["task_type", "outcome"],
  });
  const ended = { attempts_completed: 0, attempts_failed: 0 };
  return {
    ended: () => ended,
    outcomes: {
      add: (labels, by = 1) => {
        outcomes.add(labels, by);
        if (labels.outcome === "completed") ended.attempts_completed += by;
        if (labels.outcome === "failed" || labels.outcome === "dead") ended.attempts_failed += by;
      },
    },
    runSeconds: metrics.histogram({
      name: "millrace_attempt_duration_seconds",
      help: "How long attempts ran, from claim to end.",
      labels: ["task_type"],
    }),
    startSeconds: metrics.histogram({
      name: "millrace_task_start_delay_seconds",
      help: "How long the message of an attempt waited until the attempt was claimed.",
      labels: ["lane", "priority"],
      buckets: LONG_BUCKETS_S,
    }),
    taskSeconds: metrics.histogram({
      name: "millrace_task_duration_seconds",
      help: "From the submission of a task to its end: delays, dependencies and retries included.",
      labels: ["lane", "outcome"],
      buckets: LONG_BUCKETS_S,
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
    aloneRuns: metrics.counter({
      name: "millrace_quarantine_runs_total",
      help: "Tasks that ran in a process of their own because workers had died with them, by end (completed, failed, died, aborted, not_started).",
      labels: ["end"],
    }),
    turns: metrics.counter({
      name: "millrace_tenant_turns_total",
      help: "Attempts that started before their messages came, because it was their tenant's turn.",
    }),
    slots: metrics.gauge({
      name: "millrace_worker_slots",
      help: "Slots of this worker, by lane and state (busy, free).",
      labels: ["lane", "state"],
      collect,
    }),
  };
}
