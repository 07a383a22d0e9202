import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { TRACED_TASKS_PER_REQUEST_MAX } from "@millrace/core/limits";
import { residentBytes } from "../support/memory.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const STORY_MS = 120_000;
const REQUESTS = 60;
const TASKS = REQUESTS * TRACED_TASKS_PER_REQUEST_MAX;

/** It takes every connection, and never answers. */
let silent: ReturnType<typeof Bun.serve>;
let stack: TaskStack;
beforeAll(async () => {
  silent = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise<Response>(() => {}) });
  stack = await startTaskStack(await onSharedPostgres({ OTEL_EXPORTER_OTLP_ENDPOINT: silent.url.origin }));
}, STORY_MS);
afterAll(async () => {
  await stack?.close();
  await silent?.stop(true);
}, STORY_MS);

async function workerMetric(name: string): Promise<number> {
  const terminal = await Bun.file(join(stack.home, "terminal.log")).text();
  const url = /^ {2}worker +(http:\S+)$/m.exec(terminal)?.[1];
  const text = await (await fetch(`${url}/metrics`)).text();
  const values = [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, "gm"))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

async function submitTraced(prefix: string): Promise<void> {
  const payload = { duration_ms: 0, failure_rate: 0 };
  for (let request = 0; request < REQUESTS; request += 1)
    await stack.submitAll(
      Array.from({ length: TRACED_TASKS_PER_REQUEST_MAX }, (_, n) => ({
        ...{ task_id: `${prefix}-${request}-${n}`, task_type: "simulate", payload },
      })),
    );
  await stack.untilNoneOpen(`${prefix}-`, STORY_MS / 2);
}

test(
  "with a collector that never answers all tasks run, spans are dropped and counted, and memory stays where it was",
  async () => {
    await submitTraced("first");
    const worker = await stack.pidOf("worker");
    const before = residentBytes(worker);
    await submitTraced("second");
    const [row] = await stack.sql<{ completed: number }[]>`
      select count(*)::integer as completed from outcomes where kind = 'completed'`;
    expect(row?.completed).toBe(2 * TASKS);
    // Four and more spans of each task have ended, and a few thousand can wait.
    expect(await workerMetric("millrace_trace_spans_dropped_total")).toBeGreaterThan(TASKS);
    expect(await workerMetric("millrace_trace_spans_exported_total")).toBe(0);
    expect(residentBytes(worker) - before).toBeLessThan(100 * 1024 * 1024);
    const told = (await stack.logOf("worker")).filter(({ message }) =>
      String(message).startsWith("spans were"),
    );
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(3); // Once a minute.
  },
  STORY_MS,
);
