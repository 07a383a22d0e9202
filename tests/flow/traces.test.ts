import { afterAll, beforeAll, expect, test } from "bun:test";
import { TRACED_TASKS_PER_REQUEST_MAX } from "@millrace/core/limits";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from "../support/otlp-collector.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const STORY_MS = 60_000;
const ENDED_MS = 30_000;

let collector: OtlpCollector;
let external: FakeExternalApi;
let stack: TaskStack;
beforeAll(async () => {
  collector = startOtlpCollector();
  external = await startFakeExternalApi();
  stack = await startTaskStack(
    await onSharedPostgres({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-collector-key=a%20secret",
    }),
  );
}, STORY_MS);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
  await collector?.stop();
}, STORY_MS);

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

async function submit(wish: object, headers: Readonly<Record<string, string>> = {}) {
  const { status, body } = await stack.raw("POST", "/api/tasks", {
    token: stack.apiKey,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(wish),
  });
  expect(status).toBe(201);
  return body.task_id as string;
}

const call = (query = "") => ({
  task_type: "http.request",
  payload: { url: `${external.url}/orders${query}` },
});
const STEPS = [
  "POST /api/tasks",
  "store task",
  "publish TASKS",
  "process TASKS",
  "claim task",
  "run http.request",
  "GET",
  "complete task",
];
const has =
  (...names: readonly string[]) =>
  (spans: readonly CollectedSpan[]) =>
    names.every((name) => named(spans, name).length === 1);
const named = (spans: readonly CollectedSpan[], name: string) => spans.filter((span) => span.name === name);

function only(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const [span, ...others] = named(spans, name);
  if (span === undefined || others.length > 0) throw new Error(`${others.length + 1} spans ${name}, or none`);
  return span;
}

/** What the external API was sent for the task: version, trace, span, flags. */
function sentTo(taskId: string): readonly (readonly string[])[] {
  return external.requests
    .filter(({ key }) => key === taskId)
    .map(({ headers }) => (headers.traceparent ?? "").split("-"));
}

test(
  "the trace of one task shows request, publish, claim, external call and completion under one id",
  async () => {
    const taskId = await submit(call());
    await stack.untilEnded(taskId, ENDED_MS);
    const [[version, traceId = "", callSpan, flags] = []] = sentTo(taskId);
    expect([version, flags]).toEqual(["00", "01"]);
    const spans = await collector.trace(traceId, has(...STEPS));
    const request = only(spans, "POST /api/tasks");
    const publish = only(spans, "publish TASKS");
    const delivery = only(spans, "process TASKS");
    const attempt = only(spans, "run http.request");
    const outside = only(spans, "GET");
    const parents = (span: CollectedSpan) => [span.service, span.kind, span.parentSpanId];
    expect(parents(request)).toEqual(["millrace-api", "server", ""]);
    expect(parents(only(spans, "store task"))).toEqual(["millrace-api", "internal", request.spanId]);
    expect(parents(publish)).toEqual(["millrace-api", "producer", request.spanId]);
    expect(parents(delivery)).toEqual(["millrace-worker", "consumer", publish.spanId]);
    expect(parents(only(spans, "claim task"))).toEqual(["millrace-worker", "internal", delivery.spanId]);
    expect(parents(attempt)).toEqual(["millrace-worker", "internal", delivery.spanId]);
    expect(parents(outside)).toEqual(["millrace-worker", "client", attempt.spanId]);
    expect(parents(only(spans, "complete task"))).toEqual(["millrace-worker", "internal", delivery.spanId]);
    expect(callSpan).toBe(outside.spanId);
    expect(spans).toHaveLength(STEPS.length);
    expect(spans.filter(({ isError }) => isError)).toEqual([]);
    expect(request.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.route": "/api/tasks",
      "http.response.status_code": 201,
    });
    expect(publish.attributes).toMatchObject({
      "messaging.system": "nats",
      "messaging.destination.name": "tasks.short.p5.http.request",
      "messaging.message.id": `${taskId}:1`,
    });
    expect(attempt.attributes).toMatchObject({
      "task.id": taskId,
      "task.type": "http.request",
      "task.attempt": 1,
    });
    expect(outside.attributes).toMatchObject({
      "url.full": `${external.url}/orders`,
      "http.response.status_code": 200,
    });
    expect(collector.headers[0]).toMatchObject({ "x-collector-key": "a secret" });
  },
  STORY_MS,
);

test(
  "a caller's trace goes on through the task to the external API, with its state",
  async () => {
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "shop=42,other=x" };
    const taskId = await submit(call("?key=hidden"), headers);
    await stack.untilEnded(taskId, ENDED_MS);
    const spans = await collector.trace(TRACE, has(...STEPS));
    expect(only(spans, "POST /api/tasks").parentSpanId).toBe(CALLER);
    expect(sentTo(taskId)).toEqual([["00", TRACE, only(spans, "GET").spanId, "01"]]);
    const seen = external.requests.find(({ key }) => key === taskId);
    expect(seen?.headers.tracestate).toBe("shop=42,other=x");
    expect(
      JSON.stringify(spans, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toContain("hidden");
  },
  STORY_MS,
);

test(
  "a caller that does not record its trace has none recorded here, and nothing is told on",
  async () => {
    const quiet = TRACE.replace("0af7", "0af8");
    const taskId = await submit(call(), { traceparent: `00-${quiet}-${CALLER}-00` });
    await stack.untilEnded(taskId, ENDED_MS);
    expect(sentTo(taskId)).toEqual([[""]]);
    expect(collector.spans.filter(({ traceId }) => traceId === quiet)).toEqual([]);
    const rows = await stack.sql`select trace_context from tasks where task_id = ${taskId}`;
    expect(rows[0]?.trace_context).toBeNull();
  },
  STORY_MS,
);

test(
  "a context that is not sane is not gone on with, and the request is served",
  async () => {
    for (const traceparent of ["garbage", `00-${"0".repeat(32)}-${CALLER}-01`, `ff-${TRACE}-${CALLER}-01`]) {
      const taskId = await submit(call(), { traceparent, tracestate: "x".repeat(5_000) });
      await stack.untilEnded(taskId, ENDED_MS);
      const [[, traceId = ""] = []] = sentTo(taskId);
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(traceId).not.toBe(TRACE);
    }
  },
  STORY_MS,
);

test(
  "a retry stands in the same trace, below the attempt that failed",
  async () => {
    const traceId = TRACE.replace("0af7", "0af9");
    const backoff = { initial_ms: 10, factor: 1, max_ms: 10, jitter: false };
    const taskId = await submit(
      { ...call("?status=503,200"), backoff },
      { traceparent: `00-${traceId}-${CALLER}-01` },
    );
    await stack.untilEnded(taskId, ENDED_MS);
    const spans = await collector.trace(
      traceId,
      (found) => named(found, "process TASKS").length === 2 && named(found, "publish TASKS").length === 2,
    );
    const deliveries = named(spans, "process TASKS").toSorted((a, b) => Number(a.startedNs - b.startedNs));
    const publishes = named(spans, "publish TASKS").toSorted((a, b) => Number(a.startedNs - b.startedNs));
    expect(deliveries.map(({ attributes }) => attributes["task.attempt"])).toEqual([1, 2]);
    expect(publishes.map(({ service }) => service)).toEqual(["millrace-api", "millrace-worker"]);
    expect(publishes[1]?.parentSpanId).toBe(deliveries[0]?.spanId ?? "none");
    expect(deliveries.map(({ parentSpanId }) => parentSpanId)).toEqual(publishes.map(({ spanId }) => spanId));
    const [failed, second] = named(spans, "run http.request").toSorted((a, b) =>
      Number(a.startedNs - b.startedNs),
    );
    expect([failed?.isError, second?.isError]).toEqual([true, false]);
    expect(failed?.exceptions).toMatchObject([{ "exception.type": "HTTP_STATUS_503" }]);
    expect(named(spans, "fail attempt").map(({ parentSpanId }) => parentSpanId)).toEqual([
      deliveries[0]?.spanId ?? "none",
    ]);
    expect(sentTo(taskId).map(([, trace]) => trace)).toEqual([traceId, traceId]);
    const lines = (await stack.logOf("worker")).filter((line) => line.task_id === taskId);
    expect(lines.map((line) => line.trace_id)).toContain(traceId);
  },
  STORY_MS,
);

test(
  "a delayed task, whose message the server brings when it is due, follows its own publication",
  async () => {
    const traceId = TRACE.replace("0af7", "0afa");
    const taskId = await submit({ ...call(), delay: 1 }, { traceparent: `00-${traceId}-${CALLER}-01` });
    await stack.untilEnded(taskId, ENDED_MS);
    const spans = await collector.trace(traceId, has(...STEPS));
    expect(only(spans, "process TASKS").parentSpanId).toBe(only(spans, "publish TASKS").spanId);
    expect(only(spans, "publish TASKS").attributes["messaging.destination.name"]).toStartWith("sched.short.");
  },
  STORY_MS,
);

test(
  "of a batch the first tasks are followed, each in the trace of the one request",
  async () => {
    const traceId = TRACE.replace("0af7", "0afb");
    const tasks = Array.from({ length: TRACED_TASKS_PER_REQUEST_MAX + 50 }, (_, n) => ({
      ...{ task_id: `batch-${n}`, task_type: "simulate", payload: { duration_ms: 0, failure_rate: 0 } },
    }));
    const { status } = await stack.raw("POST", "/api/tasks/batch", {
      token: stack.apiKey,
      headers: { "Content-Type": "application/json", traceparent: `00-${traceId}-${CALLER}-01` },
      body: JSON.stringify(tasks),
    });
    expect(status).toBe(200);
    await stack.untilNoneOpen("batch-", ENDED_MS);
    const isWhole = (found: readonly CollectedSpan[]) =>
      named(found, "process TASKS").length >= TRACED_TASKS_PER_REQUEST_MAX;
    const followed = named(await collector.trace(traceId, isWhole), "process TASKS");
    expect(new Set(followed.map(({ attributes }) => attributes["task.id"]))).toEqual(
      new Set(tasks.slice(0, TRACED_TASKS_PER_REQUEST_MAX).map(({ task_id }) => task_id)),
    );
  },
  STORY_MS,
);
