import {
  TRACE_BATCH_SPANS_MAX,
  TRACE_EXPORT_EVERY_MS,
  TRACE_EXPORT_MS_MAX,
  TRACE_FLUSH_MS_MAX,
  TRACE_LINKS_MAX,
  TRACE_SPANS_WAITING_MAX,
  TRACE_TEXT_CHARS_MAX,
} from "@millrace/core/limits";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { startRecorded } from "./recorded-span.ts";
import { SpanGate } from "./span-gate.ts";
import type { Tracing } from "./tracing.ts";

export type SamplerName =
  | "always_on"
  | "always_off"
  | "traceidratio"
  | "parentbased_always_on"
  | "parentbased_always_off"
  | "parentbased_traceidratio";

export interface SdkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly instance: string;
  readonly sampler: SamplerName;
  /** 0 … 1; of the samplers whose name says so. */
  readonly ratio: number;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * The only module that loads OpenTelemetry. Nothing is registered globally, and no context is carried along by itself:
 * spans are handed from call to call, which costs nothing where there is none.
 */
export function startSdk(options: SdkOptions): Tracing {
  const exporter = new OTLPTraceExporter({
    url: options.url,
    headers: { ...options.headers },
    timeoutMillis: TRACE_EXPORT_MS_MAX,
  });
  const gate = new SpanGate(options);
  const processor = new BatchSpanProcessor({
    exporter: gate.watch(exporter),
    maxQueueSize: TRACE_SPANS_WAITING_MAX,
    maxExportBatchSize: TRACE_BATCH_SPANS_MAX,
    scheduledDelayMillis: TRACE_EXPORT_EVERY_MS,
    // The exporter's own bound ends it first; this is for one that does not answer at all.
    exportTimeoutMillis: TRACE_EXPORT_MS_MAX * 2,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.name": options.serviceName,
      "service.namespace": "millrace",
      "service.instance.id": options.instance,
    }),
    sampler: samplerOf(options),
    spanLimits: { attributeValueLengthLimit: TRACE_TEXT_CHARS_MAX, linkCountLimit: TRACE_LINKS_MAX },
    spanProcessors: [gate.before(processor)],
  });
  const tracer = provider.getTracer("millrace");
  return {
    start: (name, start) => startRecorded(tracer, name, start),
    stop: async () => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, TRACE_FLUSH_MS_MAX);
      await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
      clearTimeout(timer);
    },
  };
}

function samplerOf({ sampler, ratio }: Pick<SdkOptions, "sampler" | "ratio">): Sampler {
  switch (sampler) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratio);
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}
