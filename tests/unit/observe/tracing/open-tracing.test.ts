import { expect, test } from "bun:test";
import { readConfig } from "@millrace/config";
import { createLog, createMetrics, openTracing, type Tracing } from "@millrace/observe";
import { tracesUrl } from "@millrace/observe/tracing/open-tracing";
import { startOtlpCollector } from "../../../support/otlp-collector.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const context = (flags: string) => `00-${TRACE}-b7ad6b7169203331-${flags}`;

function configOf(env: Readonly<Record<string, string>>) {
  const reading = readConfig(env);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.config;
}

async function opened(env: Readonly<Record<string, string>>): Promise<Tracing | undefined> {
  const log = createLog({
    ...{ service: "test", level: "CRITICAL", format: "json" },
    destination: { write: () => {}, flush: () => {} },
  });
  const options = { service: "test", instance: "one", log, metrics: createMetrics({ service: "test" }) };
  return await openTracing(configOf(env), options);
}

test("without an endpoint nothing is traced, and the SDK is not even loaded", async () => {
  const script = `
    const { openTracing } = await import("@millrace/observe");
    const { readConfig } = await import("@millrace/config");
    const tracing = await openTracing(readConfig({ OTEL_SERVICE_NAME: "x" }).config, {});
    const loaded = Object.keys(require.cache).filter((path) => /opentelemetry.(sdk|exporter|otlp)/.test(path));
    process.stdout.write(JSON.stringify([tracing === undefined, loaded]));`;
  const child = Bun.spawn([process.execPath, "-e", script], { cwd: import.meta.dirname, stderr: "inherit" });
  expect(await new Response(child.stdout).json()).toEqual([true, []]);
});

test("the endpoint for traces is taken as it is; to the one for everything their path is added", () => {
  const all = "http://collector:4318";
  expect(tracesUrl({})).toBeUndefined();
  expect(tracesUrl({ otlpEndpoint: all })).toBe(`${all}/v1/traces`);
  expect(tracesUrl({ otlpEndpoint: `${all}/` })).toBe(`${all}/v1/traces`);
  expect(tracesUrl({ otlpEndpoint: `${all}/in?key=1` })).toBe(`${all}/in/v1/traces?key=1`);
  expect(tracesUrl({ otlpEndpoint: all, otlpTracesEndpoint: "https://a/b" })).toBe("https://a/b");
});

test("a caller's decision counts, and of the others the part that was asked for is recorded", async () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
  const startedBy = async (sampler: string, share: string) => {
    const tracing = await opened({
      ...endpoint,
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: share,
    });
    const recorded = (parent?: string) => tracing?.start("x", { parent }) !== undefined;
    return [recorded(), recorded(context("00")), recorded(context("01")), recorded("garbage")];
  };
  expect(await startedBy("parentbased_traceidratio", "1")).toEqual([true, false, true, true]);
  expect(await startedBy("parentbased_traceidratio", "0")).toEqual([false, false, true, false]);
  expect(await startedBy("parentbased_always_on", "0")).toEqual([true, false, true, true]);
  expect(await startedBy("parentbased_always_off", "1")).toEqual([false, false, true, false]);
  expect(await startedBy("always_on", "0")).toEqual([true, true, true, true]);
  expect(await startedBy("always_off", "1")).toEqual([false, false, false, false]);
  expect(await startedBy("traceidratio", "1")).toEqual([true, true, true, true]);
});

test("of a hundred traces a quarter is recorded, more or less, and each process decides alike", async () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
  };
  const [one, other] = [await opened(env), await opened(env)];
  const traces = Array.from({ length: 1_000 }, () => {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
    return `00-${id}-b7ad6b7169203331-00`;
  });
  const byOne = traces.map((parent) => one?.start("x", { parent }) !== undefined);
  expect(traces.map((parent) => other?.start("x", { parent }) !== undefined)).toEqual(byOne);
  const recorded = byOne.filter((is) => is).length;
  expect(recorded).toBeGreaterThan(150);
  expect(recorded).toBeLessThan(350);
});

test("a failure is told with its code, and what it says without secrets; texts are cut", async () => {
  const collector = startOtlpCollector();
  const tracing = await opened({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: "mine" });
  const span = tracing?.start("work", { parent: context("01"), attributes: { note: "x".repeat(5_000) } });
  span?.fail("CONNECT_FAILED", "no way to http://ann:secret@host/ with Bearer abcdef123456");
  span?.end();
  span?.end(); // Once more is harmless.
  await tracing?.stop();
  const [collected, ...others] = collector.spans;
  expect(others).toEqual([]);
  expect(collected).toMatchObject({ service: "mine", traceId: TRACE, isError: true });
  expect(String(collected?.attributes.note)).toHaveLength(1_024);
  expect(collected?.exceptions).toEqual([
    {
      "exception.type": "CONNECT_FAILED",
      "exception.message": "no way to http://[redacted]@host/ with Bearer [redacted]",
    },
  ]);
  await collector.stop();
});

test("a collector that takes the connection and says nothing does not hold up the end", async () => {
  let isGivenUp = false;
  const silent = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: ({ signal }) => {
      signal.addEventListener("abort", () => {
        isGivenUp = true;
      });
      return new Promise<Response>(() => {});
    },
  });
  const tracing = await opened({ OTEL_EXPORTER_OTLP_ENDPOINT: silent.url.origin });
  tracing?.start("work")?.end();
  await tracing?.stop();
  expect(isGivenUp).toBe(false); // The export itself has longer.
  await silent.stop(true);
});
