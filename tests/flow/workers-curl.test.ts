import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const SCRIPT = join(import.meta.dirname, "../support/workers/curl-worker.sh");

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 120_000);
afterAll(() => stack.close());

test("a worker written with curl alone registers, beats, leases, tells progress, completes and leaves", async () => {
  const wishes = [1, 2, 3].map((n) => ({ task_type: "curl.echo", task_id: `curl-${n}`, payload: { n } }));
  await stack.submitAll(wishes.slice(0, 2)); // Before anybody can run them.
  const child = Bun.spawn(["sh", SCRIPT, stack.apiUrl, stack.apiKey, "curl-worker", "curl.echo", "3"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  await stack.submitAll(wishes.slice(2));
  for (const { task_id } of wishes) {
    const task = await stack.untilEnded(task_id, 60_000);
    expect(task).toMatchObject({
      ...{ status: "completed", worker_id: "curl-worker", attempts: 1, result: { by: "curl-worker" } },
    });
  }
  const [status, said, problems] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect({ status, problems: status === 0 ? "" : problems }).toEqual({ status: 0, problems: "" });
  expect(said.trim().split("\n").toSorted()).toEqual(["curl-1", "curl-2", "curl-3"]);
  const { body } = await stack.call("GET", "/api/workers");
  expect(body.items.map((worker: { worker_id: string }) => worker.worker_id)).not.toContain("curl-worker");
}, 120_000);
