import { afterAll, beforeAll, expect, test } from "bun:test";
import { defineWorker } from "@millrace/client";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from "../support/otlp-collector.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** Traces of what does not come as a task and go to a worker of the product. */
const STORY_MS = 60_000;
const ENDED_MS = 30_000;
const CALLER = "b7ad6b7169203331";

let collector: OtlpCollector;
let stack: TaskStack;
beforeAll(async () => {
  collector = startOtlpCollector();
  stack = await startTaskStack(
    await onSharedPostgres({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` }),
  );
}, STORY_MS);
afterAll(async () => {
  await stack?.close();
  await collector?.stop();
}, STORY_MS);

/** A trace that a caller has begun. */
function newTrace() {
  const traceId = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
  return { traceId, headers: { traceparent: `00-${traceId}-${CALLER}-01` } };
}

const named = (spans: readonly CollectedSpan[], name: string) => spans.filter((span) => span.name === name);
const has =
  (...names: readonly string[]) =>
  (spans: readonly CollectedSpan[]) =>
    names.every((name) => named(spans, name).length === 1);

function only(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const [span] = named(spans, name);
  if (span === undefined) throw new Error(`there is no span ${name}`);
  return span;
}

const causesOf = (publishes: readonly CollectedSpan[]) =>
  publishes.flatMap(({ parentSpanId, links }) => [parentSpanId, ...links.map(({ spanId }) => spanId)]);

async function send(path: string, headers: Readonly<Record<string, string>>, body: unknown) {
  const answer = await stack.raw("POST", path, {
    token: stack.apiKey,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}

test(
  "a worker over HTTP goes on with the task's trace, and its completion stands in it",
  async () => {
    const { traceId, headers } = newTrace();
    const given: Readonly<Record<string, string>>[] = [];
    const worker = defineWorker<{ "traced.step": null }>({
      ...{ baseUrl: stack.apiUrl, apiKey: stack.apiKey, workerId: "tracer", handlesSignals: false },
      capabilities: {
        "traced.step": (_, { traceHeaders }) => {
          given.push(traceHeaders);
          return null;
        },
      },
    });
    const running = worker.run();
    const { task_id: taskId } = await send("/api/tasks", headers, { task_type: "traced.step" });
    await stack.untilEnded(taskId, ENDED_MS);
    await worker.stop();
    await running;
    const completion = "POST /api/tasks/:task_id/complete";
    const spans = await collector.trace(traceId, has("POST /api/tasks", "claim task", completion));
    const claim = only(spans, "claim task");
    expect(claim).toMatchObject({
      service: "millrace-api",
      attributes: { "task.id": taskId, "task.attempt": 1, "worker.id": "tracer" },
      links: [{ traceId: expect.not.stringContaining(traceId) }],
    });
    expect(given).toEqual([{ traceparent: `00-${traceId}-${claim.spanId}-01` }]);
    expect(only(spans, completion).parentSpanId).toBe(claim.spanId);
  },
  STORY_MS,
);

test(
  "a file's trace goes from its upload to the end of its processing",
  async () => {
    const { traceId, headers } = newTrace();
    const form = new FormData();
    form.set("file", new Blob(["a b c\n"]), "letters.txt");
    form.set("operation", "text-stats");
    const response = await fetch(`${stack.apiUrl}/api/files`, {
      method: "POST",
      headers: { ...headers, Authorization: `Bearer ${stack.apiKey}` },
      body: form,
    });
    expect(response.status).toBe(201);
    const spans = await collector.trace(
      traceId,
      has("POST /api/files", "publish TASKS", "run file.process", "complete task", "process TASKS"),
    );
    expect(only(spans, "publish TASKS").parentSpanId).toBe(only(spans, "POST /api/files").spanId);
    expect(only(spans, "process TASKS").parentSpanId).toBe(only(spans, "publish TASKS").spanId);
  },
  STORY_MS,
);

test(
  "events of many requests share messages and batches, and each one's trace is stood in or linked to",
  async () => {
    const traces = Array.from({ length: 8 }, newTrace);
    const event = { type: "traced", message: "m", source: "tracer" };
    await Promise.all(traces.map(({ headers }) => send("/api/events", headers, event)));
    const requests = await Promise.all(
      traces.map(async ({ traceId }) =>
        only(await collector.trace(traceId, has("POST /api/events")), "POST /api/events"),
      ),
    );
    const ours = new Set(traces.map(({ traceId }) => traceId));
    const told = (name: string) => named(collector.spans, name).filter(({ traceId }) => ours.has(traceId));
    const first = requests[0] as CollectedSpan; // There are eight.
    const areAllTold = () => causesOf(told("publish EVENTS")).length === traces.length;
    await collector.trace(first.traceId, () => told("process EVENTS").length > 0 && areAllTold());
    const publishes = told("publish EVENTS");
    expect(causesOf(publishes).toSorted()).toEqual(requests.map(({ spanId }) => spanId).toSorted());
    const [batch] = told("process EVENTS");
    expect(batch).toMatchObject({ service: "millrace-recorder", kind: "consumer", isError: false });
    expect(publishes.map(({ spanId }) => spanId)).toContain(batch?.parentSpanId ?? "none");
  },
  STORY_MS,
);

test(
  "a schedule's tick begins a trace of its own, and one that is asked for stands in the caller's",
  async () => {
    const { traceId, headers } = newTrace();
    const task = { task_type: "simulate", payload: { duration_ms: 1, failure_rate: 0 } };
    const wish = { schedule_id: "traced", every: 1, task };
    await send("/api/schedules", {}, wish);
    await send("/api/schedules/traced/trigger", headers, null);
    const asked = await collector.trace(traceId, has("publish TASKS", "complete task", "process TASKS"));
    expect(only(asked, "publish TASKS").service).toBe("millrace-api");
    const endMs = performance.now() + ENDED_MS;
    while (named(collector.spans, "fire schedule").length === 0 && performance.now() < endMs)
      await Bun.sleep(50);
    const tick = only(collector.spans, "fire schedule");
    const fired = await collector.trace(tick.traceId, has("publish TASKS", "complete task", "process TASKS"));
    expect(tick).toMatchObject({ service: "millrace-scheduler", parentSpanId: "" });
    expect(only(fired, "publish TASKS").parentSpanId).toBe(tick.spanId);
  },
  STORY_MS,
);
