import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";
import { PYTHON_WORKER, startPythonWorker } from "../support/workers/python.ts";

const LINES_MAX = 60;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 120_000);
afterAll(() => stack.close());

test("the worker in Python has sixty lines at most", async () => {
  const lines = (await Bun.file(PYTHON_WORKER).text()).trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(LINES_MAX);
});

test("a worker in Python runs tasks, has failures tried again, and leaves when it is told to", async () => {
  const child = startPythonWorker(stack.apiUrl, stack.apiKey, "python-worker");
  if (child === null) throw new Error("this test needs python3");
  await stack.submit({ task_type: "text.count", task_id: "words", payload: { text: "über den Mühlbach" } });
  expect(await stack.untilEnded("words", 60_000)).toMatchObject({
    ...{ status: "completed", worker_id: "python-worker", result: { words: 3, characters: 17 } },
  });
  const backoff = { initial_ms: 1, factor: 1, max_ms: 1, jitter: false };
  await stack.submit({ task_type: "text.count", task_id: "none", payload: {}, max_attempts: 2, backoff });
  expect(await stack.untilEnded("none", 60_000)).toMatchObject({
    ...{ status: "failed", attempts: 2, error: { code: "KeyError" } },
  });
  child.kill("SIGTERM");
  expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ""]);
  const { body } = await stack.call("GET", "/api/workers");
  expect(body.items.map((worker: { worker_id: string }) => worker.worker_id)).not.toContain("python-worker");
}, 120_000);
