export { AlertWebhook } from "./alert-webhook.ts";
export { CORRELATION_HEADER, correlationIdFrom } from "./correlation.ts";
export { type DiskSpace, diskSpaceOf, registerDiskMetrics } from "./disk-metrics.ts";
export { type Destination, FdDestination } from "./fd-destination.ts";
export { groupSizes } from "./group-sizes.ts";
export { type CheckState, createHealth, type Health, type HealthCheck, type Readiness } from "./health.ts";
export { type HealthServer, startHealthServer } from "./health-server.ts";
export { createLog, type Log, type LogFields, type LogOptions } from "./log.ts";
export { LOG_LEVELS, type LogLevel } from "./log-format.ts";
export {
  type CounterMetric,
  createMetrics,
  type GaugeMetric,
  type HistogramMetric,
  type Labels,
  type Metrics,
} from "./metrics.ts";
export { type NatsState, registerNatsMetrics } from "./nats-metrics.ts";
export { REDACTED, redactFields, redactText } from "./redact.ts";
export { type AlertNotice, alertTeller, type TellAlert } from "./tell-alert.ts";
export { openTracing } from "./tracing/open-tracing.ts";
export { messaging, publishTracer } from "./tracing/trace-messages.ts";
export {
  type ChildStart,
  endingSpan,
  failWith,
  type Span,
  type SpanAttributes,
  type SpanStart,
  spanElsewhere,
  type Tracing,
  withinSpan,
} from "./tracing/tracing.ts";
