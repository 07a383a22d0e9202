import { TRACE_SPANS_WAITING_MAX } from "@millrace/core/limits";
import { ExportResultCode } from "@opentelemetry/core";
import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Log } from "../log.ts";
import type { CounterMetric, Metrics } from "../metrics.ts";

/** A collector that is away is told of once in so long. */
const COMPLAINT_EVERY_MS = 60_000;

export interface SpanGateOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Of `performance.now()`. */
  readonly nowMs?: () => number;
}

/**
 * Stands before and behind the library's queue, and knows what is in it: lets no more spans in than may wait, counts
 * those that were dropped or could not be sent, and says so now and then.
 */
export class SpanGate {
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #dropped: CounterMetric<"reason">;
  readonly #exported: CounterMetric<never>;
  #waiting = 0;
  #lost = 0;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ log, metrics, nowMs = () => performance.now() }: SpanGateOptions) {
    this.#log = log;
    this.#nowMs = nowMs;
    this.#dropped = metrics.counter({
      name: "millrace_trace_spans_dropped_total",
      help: "Spans that the collector did not get: too many waited, or it did not take them.",
      labels: ["reason"],
    });
    this.#exported = metrics.counter({
      name: "millrace_trace_spans_exported_total",
      help: "Spans that the collector has taken.",
    });
  }

  /** Only what is let in reaches the processor. */
  before(processor: SpanProcessor): SpanProcessor {
    return {
      onStart: () => {},
      onEnd: (span) => {
        if (this.#waiting >= TRACE_SPANS_WAITING_MAX) return this.#drop("queue_full", 1);
        this.#waiting += 1;
        processor.onEnd(span);
      },
      forceFlush: () => processor.forceFlush(),
      shutdown: () => processor.shutdown(),
    };
  }

  /** The exporter, whose answers are counted. */
  watch(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans, done) => {
        this.#waiting -= spans.length;
        exporter.export(spans, (result) => {
          if (result.code === ExportResultCode.SUCCESS) this.#exported.add({}, spans.length);
          else this.#drop("export_failed", spans.length, result.error);
          done(result);
        });
      },
      shutdown: () => exporter.shutdown(),
    };
  }

  #drop(reason: "queue_full" | "export_failed", spans: number, error?: Error): void {
    this.#dropped.add({ reason }, spans);
    this.#lost += spans;
    const nowMs = this.#nowMs();
    if (nowMs - this.#complainedAtMs < COMPLAINT_EVERY_MS) return;
    this.#complainedAtMs = nowMs;
    this.#log.warning("spans were dropped; the work they tell of goes on", {
      ...{ reason, spans: this.#lost },
      ...(error !== undefined && { error_message: error.message }),
    });
    this.#lost = 0;
  }
}
