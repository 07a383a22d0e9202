import { expect, test } from "bun:test";
import { type Config, formatProblems, readConfig } from "@millrace/config";

function accepted(env: Record<string, string>): Config {
  const reading = readConfig(env);
  if (!reading.ok) throw new Error(formatProblems(reading.problems));
  return reading.config;
}

function refused(env: Record<string, string>): string {
  const reading = readConfig(env);
  if (reading.ok) throw new Error("it was accepted");
  return formatProblems(reading.problems);
}

test("by default there is no endpoint, and where there is one all traces are recorded", () => {
  expect(accepted({})).toMatchObject({
    otlpEndpoint: undefined,
    otlpTracesEndpoint: undefined,
    otlpHeaders: [],
    otelServiceName: undefined,
    tracesSampler: "parentbased_traceidratio",
    tracesSamplerArg: 1,
  });
});

test.each([
  ["0", 0],
  ["1", 1],
  ["1.0", 1],
  ["0.25", 0.25],
  ["0.000001", 0.000001],
])("%s is a part of the traces", (text, share) => {
  expect(accepted({ OTEL_TRACES_SAMPLER_ARG: text }).tracesSamplerArg).toBe(share);
});

test.each(["1.1", "-0.1", "10%", "1e-3", ".5", "0,5", "2", "NaN"])("%s is no part of the traces", (text) => {
  expect(refused({ OTEL_TRACES_SAMPLER_ARG: text })).toContain("a number from 0 to 1");
});

test("a sampler that there is not is refused, with those that there are", () => {
  expect(refused({ OTEL_TRACES_SAMPLER: "jaeger_remote" })).toContain("parentbased_traceidratio");
});

test("headers are names with values that have percent escapes", () => {
  const OTEL_EXPORTER_OTLP_HEADERS = "api-key=a%20b, x-other = c=d";
  expect(accepted({ OTEL_EXPORTER_OTLP_HEADERS }).otlpHeaders).toEqual(["api-key=a%20b", "x-other = c=d"]);
});

test.each(["key", "=value", "a b=c", "key=%zz", "key=a%0d%0ax: y", "key=a%00"])(
  "%s is no header, and what was given is not shown",
  (pair) => {
    const told = refused({ OTEL_EXPORTER_OTLP_HEADERS: `good=secret-part,${pair}` });
    expect(told).toContain("OTEL_EXPORTER_OTLP_HEADERS");
    expect(told).not.toContain("secret-part");
  },
);

test("an endpoint may carry an identity, so it is not shown when it is wrong", () => {
  const told = refused({ OTEL_EXPORTER_OTLP_ENDPOINT: "grpc://ann:secret-part@collector:4317" });
  expect(told).toContain("http://… or https://…");
  expect(told).not.toContain("secret-part");
});
