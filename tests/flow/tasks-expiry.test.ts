import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 30_000;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 90_000);
afterAll(() => stack?.close());

const PAYLOAD = { duration_ms: 0, failure_rate: 0 };

test("a task that did not start in time fails with EXPIRED and never runs, also when its queue goes on", async () => {
  await stack.call("POST", "/api/queues/simulate/pause", {});
  const made = await stack.submit({ task_type: "simulate", task_id: "late", payload: PAYLOAD, ttl: 1 });
  expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(1_000);
  const ended = await stack.untilEnded("late", WAIT_MS);
  expect(ended).toMatchObject({
    status: "failed",
    attempts: 0,
    error: { code: "EXPIRED" },
    expires_at: made.expires_at,
  });
  await stack.call("POST", "/api/queues/simulate/resume");
  await stack.submit({ task_type: "simulate", task_id: "after", payload: PAYLOAD });
  await stack.untilEnded("after", WAIT_MS);
  expect((await stack.call("GET", "/api/tasks/late/attempts")).body.items).toMatchObject([
    { status: "dead", started_at: null },
  ]);
  expect((await stack.call("GET", "/api/dlq/late")).body).toMatchObject({ error: { code: "EXPIRED" } });
});

test("one of a type that nobody runs expires, too, and its children fail with it", async () => {
  const batch = [
    { task_type: "nobodys.own", task_id: "parent", ttl: 1 },
    { task_type: "simulate", task_id: "child", payload: PAYLOAD, dependencies: ["parent"] },
  ];
  const { body } = await stack.call("POST", "/api/tasks/batch?atomic=true", batch);
  expect(body).toMatchObject({ accepted: 2 });
  expect(await stack.untilEnded("parent", WAIT_MS)).toMatchObject({ error: { code: "EXPIRED" } });
  expect(await stack.untilEnded("child", WAIT_MS)).toMatchObject({ error: { code: "DEPENDENCY_FAILED" } });
});

test("one that starts in time runs, and the same one again is the same task", async () => {
  const wish = { task_type: "simulate", task_id: "timely", payload: PAYLOAD, ttl: 600 };
  await stack.submit(wish);
  expect(await stack.untilEnded("timely", WAIT_MS)).toMatchObject({ status: "completed" });
  expect((await stack.call("POST", "/api/tasks", wish)).status).toBe(200);
  expect((await stack.call("POST", "/api/tasks", { ...wish, ttl: 601 })).body.code).toBe("TASK_ID_CONFLICT");
});

test.each([{ ttl: 0 }, { ttl: 1.5 }, { ttl: 40_000_000 }, { ttl: 5, dependencies: ["timely"] }])(
  "%j is refused",
  async (wrong) => {
    const { status, body } = await stack.call("POST", "/api/tasks", { task_type: "simulate", ...wrong });
    expect([status, body.errors[0].path]).toEqual([422, "/ttl"]);
  },
);
