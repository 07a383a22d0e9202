import type { Config } from "@millrace/config";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Tracing } from "./tracing.ts";

export type TracingConfig = Pick<
  Config,
  | "otlpEndpoint"
  | "otlpTracesEndpoint"
  | "otlpHeaders"
  | "otelServiceName"
  | "tracesSampler"
  | "tracesSamplerArg"
>;

export interface TracingOptions {
  /** `api`, `recorder`, `scheduler`, `worker`. */
  readonly service: string;
  /** Tells processes of one service apart. */
  readonly instance: string;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Undefined unless an endpoint is set: then the SDK is not even loaded, and whoever would trace passes one branch.
 * Rejects only when the SDK cannot be loaded.
 */
export async function openTracing(
  config: TracingConfig,
  options: TracingOptions,
): Promise<Tracing | undefined> {
  const url = tracesUrl(config);
  if (url === undefined) return undefined;
  const { startSdk } = await import("./sdk.ts");
  return startSdk({
    ...{ url, headers: headersOf(config.otlpHeaders), sampler: config.tracesSampler },
    ...{
      ratio: config.tracesSamplerArg,
      serviceName: config.otelServiceName ?? `millrace-${options.service}`,
    },
    ...options,
  });
}

/** The one for traces is taken as it is; to the one for everything the path of traces is added. */
export function tracesUrl({ otlpEndpoint, otlpTracesEndpoint }: Partial<TracingConfig>): string | undefined {
  if (otlpTracesEndpoint !== undefined) return otlpTracesEndpoint;
  if (otlpEndpoint === undefined) return undefined;
  const url = new URL(otlpEndpoint);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return url.href;
}

/** `name=value`, the value with percent escapes, as in W3C Baggage. */
function headersOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const middle = pair.indexOf("=");
      return [pair.slice(0, middle).trim(), decodeURIComponent(pair.slice(middle + 1).trim())];
    }),
  );
}
