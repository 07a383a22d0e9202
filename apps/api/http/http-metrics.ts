import type { Metrics } from "@millrace/observe";

export interface RequestMeasure {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** Until the response was made; a streamed body may take longer. */
  readonly durationMs: number;
}

/** Labels are bounded: routes are patterns, methods those of HTTP, statuses their class (`2xx`). */
export function createHttpMetrics(metrics: Metrics): (measure: RequestMeasure) => void {
  const requests = metrics.counter({
    name: "millrace_http_requests_total",
    help: "HTTP requests answered.",
    labels: ["route", "method", "status"],
  });
  const durations = metrics.histogram({
    name: "millrace_http_request_duration_seconds",
    help: "From the arrival of an HTTP request to its response; for streams, to the first byte.",
    labels: ["route", "method"],
  });
  return ({ route, method, status, durationMs }) => {
    requests.add({ route, method, status: `${Math.floor(status / 100)}xx` });
    durations.observe({ route, method }, durationMs / 1000);
  };
}
