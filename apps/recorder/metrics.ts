import type { CounterMetric, GaugeMetric, HistogramMetric, Metrics } from "@millrace/observe";

export interface RecorderMetrics {
  readonly events: CounterMetric<"outcome">;
  readonly messages: CounterMetric<"outcome">;
  readonly transactionSeconds: HistogramMetric<never>;
  readonly failures: CounterMetric<"kind">;
  readonly lagMessages: GaugeMetric<never>;
  readonly lagEvents: GaugeMetric<never>;
  readonly lagSeconds: GaugeMetric<never>;
  readonly unaccounted: GaugeMetric<never>;
  readonly unaccountedMessages: GaugeMetric<never>;
}

export function createRecorderMetrics(metrics: Metrics): RecorderMetrics {
  return {
    events: metrics.counter({
      name: "millrace_events_recorded_total",
      help: "Events that left the stream, by outcome: stored, rejected, deduplicated.",
      labels: ["outcome"],
    }),
    messages: metrics.counter({
      name: "millrace_event_messages_total",
      help: "Messages of the stream, by outcome: recorded, known (delivered again).",
      labels: ["outcome"],
    }),
    transactionSeconds: metrics.histogram({
      name: "millrace_record_duration_seconds",
      help: "How long it took to record what one pull brought.",
    }),
    failures: metrics.counter({
      name: "millrace_record_failures_total",
      help: "Transactions that failed, by kind: unavailable, repeat, refused, other. Each was tried again.",
      labels: ["kind"],
    }),
    lagMessages: metrics.gauge({
      name: "millrace_recorder_lag_messages",
      help: "Messages in the stream that are not recorded.",
    }),
    lagEvents: metrics.gauge({
      name: "millrace_recorder_lag_events",
      help: "About how many events those hold, by what messages held lately.",
    }),
    lagSeconds: metrics.gauge({
      name: "millrace_recorder_lag_seconds",
      help: "Age of the oldest message that is not recorded.",
    }),
    unaccounted: metrics.gauge({
      name: "millrace_events_unaccounted",
      help: "Events that were accepted and are neither in the ledger nor in the stream. Anything but 0 is a loss.",
    }),
    unaccountedMessages: metrics.gauge({
      name: "millrace_event_messages_unaccounted",
      help: "The messages that held them.",
    }),
  };
}
