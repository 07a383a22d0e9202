import type { CounterMetric, GaugeMetric, Metrics } from "@millrace/observe";

export interface SchedulerMetrics {
  readonly republished: CounterMetric<"reason">;
  readonly lostAttempts: CounterMetric<never>;
  readonly deadWorkers: CounterMetric<"kind">;
  readonly firedTicks: CounterMetric<never>;
  readonly deadLetters: CounterMetric<"task_type">;
  readonly swept: CounterMetric<"what">;
  readonly breakers: GaugeMetric<"state">;
}

export function createSchedulerMetrics(metrics: Metrics): SchedulerMetrics {
  const republished = metrics.counter({
    name: "millrace_dispatches_republished_total",
    help: "Messages written again: lost ones, coming ones that were far off, and those of rescued tasks.",
    labels: ["reason"],
  });
  // Known from the start: a series that begins with its first event hides that event from `increase`.
  for (const reason of ["lost", "coming", "rescued", "resumed"]) republished.add({ reason }, 0);
  return {
    republished,
    lostAttempts: metrics.counter({
      name: "millrace_attempts_lost_total",
      help: "Attempts whose worker died, or let its lease run out.",
    }),
    deadWorkers: metrics.counter({
      name: "millrace_workers_died_total",
      help: "Workers whose heartbeats stopped, as this scheduler saw it: our own, and those that speak HTTP.",
      labels: ["kind"],
    }),
    firedTicks: metrics.counter({
      name: "millrace_schedule_ticks_total",
      help: "Ticks of schedules that this scheduler made a task of.",
    }),
    deadLetters: metrics.counter({
      name: "millrace_dead_letters_total",
      help: "Dead letters seen by the monitor.",
      labels: ["task_type"],
    }),
    breakers: metrics.gauge({
      name: "millrace_breakers",
      help: "Hosts by the state of their circuit breaker, of those that failed too often or were forced.",
      labels: ["state"],
    }),
    swept: metrics.counter({
      name: "millrace_files_swept_total",
      help: "What the sweep ended (expired, retired), forgot (forgotten) and removed (orphan, unfinished).",
      labels: ["what"],
    }),
  };
}
