import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const SLOTS = 2;

let stack: TaskStack;
let external: FakeExternalApi;
beforeAll(async () => {
  [stack, external] = await Promise.all([
    startTaskStack(await onSharedPostgres({ MAX_WORKERS: String(SLOTS * 2), LONG_SLOTS: String(SLOTS) })),
    startFakeExternalApi(),
  ]);
}, 90_000);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
});

const cancel = (taskId: string) => stack.call("POST", `/api/tasks/${taskId}/cancel`);
const retry = (taskId: string) => stack.call("POST", `/api/tasks/${taskId}/retry`);
const attemptsOf = async (taskId: string) =>
  (await stack.call("GET", `/api/tasks/${taskId}/attempts`)).body.items;
const simulated = (taskId: string, durationMs: number, more: Record<string, unknown> = {}) =>
  stack.submit({
    ...{ task_id: taskId, task_type: "simulate", payload: { duration_ms: durationMs, failure_rate: 0 } },
    ...more,
  });

test("a queued task is cancelled before it runs, and never runs", async () => {
  for (let index = 0; index < SLOTS; index += 1) await simulated(`block-${index}`, 1_000, { priority: 10 });
  await untilTrue(async () => (await stack.show(`block-${SLOTS - 1}`)).phase === "running", 5_000);
  await stack.submit({
    task_id: "queued",
    task_type: "http.request",
    payload: { url: `${external.url}/never` },
  });
  const { status, body } = await cancel("queued");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: "cancelled",
    phase: "cancelled",
    attempts: 0,
    worker_id: null,
    started_at: null,
  });
  expect(body.error).toEqual({ code: "CANCELLED", message: "cancelled on request" });
  expect(body.completed_at).not.toBeNull();
  // Behind it in the same queue: when this one has run, the cancelled one's message was delivered and refused.
  await simulated("behind", 0);
  await stack.untilEnded("behind");
  expect(await stack.show("queued")).toEqual(body);
  expect(external.calls.has("queued")).toBe(false);
});

test("a scheduled task is cancelled before its time, and its time passes without it", async () => {
  await stack.submit({
    task_id: "scheduled",
    task_type: "http.request",
    delay: 1,
    payload: { url: external.url },
  });
  expect((await cancel("scheduled")).body).toMatchObject({
    status: "cancelled",
    attempts: 0,
    next_attempt_at: null,
  });
  // Due after it in the same lane and level.
  await simulated("due-later", 0, { delay: 1.5 });
  await stack.untilEnded("due-later");
  expect(await stack.show("scheduled")).toMatchObject({ status: "cancelled", attempts: 0 });
  expect(external.calls.has("scheduled")).toBe(false);
});

test("a task that waits for its next attempt is cancelled, and keeps the error of the one it had", async () => {
  await stack.submit({
    ...{ task_id: "waiting", task_type: "simulate", payload: { failure_rate: 1 } },
    backoff: { initial_ms: 60_000, jitter: false },
  });
  await stack.untilPhase("waiting", "retry_wait");
  expect((await cancel("waiting")).body).toMatchObject({
    status: "cancelled",
    attempts: 1,
    next_attempt_at: null,
  });
  expect((await attemptsOf("waiting")).map((attempt: { status: string }) => attempt.status)).toEqual([
    "failed",
    "cancelled",
  ]);
});

test("a running task is cancelled: its handler is stopped, its slot is free soon, its outcome is refused", async () => {
  const ids = Array.from({ length: SLOTS }, (_, index) => `running-${index}`);
  for (const taskId of ids) await simulated(taskId, 25_000);
  for (const taskId of ids) await stack.untilPhase(taskId, "running");
  for (const taskId of ids) {
    const { status, body } = await cancel(taskId);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: "cancelled", attempts: 1, result: null });
    expect(body.worker_id).toMatch(/^worker-/);
  }
  // All slots of the lane were theirs: the next task runs only because they were freed, long before 25 s have passed.
  await simulated("after-cancel", 0);
  expect(await stack.untilEnded("after-cancel", 5_000)).toMatchObject({ status: "completed" });
  for (const taskId of ids) expect(await stack.show(taskId)).toMatchObject({ status: "cancelled" });
});

test("a call that is under way when its task is cancelled is hung up on", async () => {
  await stack.submit({
    task_id: "hung-up",
    task_type: "http.request",
    payload: { url: `${external.url}/?mode=hang` },
  });
  await external.waitForCall("hung-up");
  expect((await cancel("hung-up")).body.status).toBe("cancelled");
  for (let index = 0; index < SLOTS; index += 1) await simulated(`after-hang-${index}`, 0);
  for (let index = 0; index < SLOTS; index += 1) await stack.untilEnded(`after-hang-${index}`, 5_000);
  expect(external.calls.get("hung-up")).toBe(1);
});

test("cancelling what is cancelled changes nothing; cancelling what has ended is refused", async () => {
  const before = await stack.show("queued");
  const again = await cancel("queued");
  expect([again.status, again.body]).toEqual([200, before]);

  await simulated("completed", 0);
  const completed = await stack.untilEnded("completed");
  await stack.submit({
    task_id: "dead",
    task_type: "simulate",
    max_attempts: 1,
    payload: { failure_rate: 1 },
  });
  const dead = await stack.untilEnded("dead");
  for (const task of [completed, dead]) {
    const refused = await cancel(task.task_id);
    expect([refused.status, refused.body.code]).toEqual([409, "TASK_STATE_CONFLICT"]);
    expect(await stack.show(task.task_id)).toEqual(task);
  }
  expect((await cancel("nobody")).status).toBe(404);
});

test("of a cancellation and a completion that meet, exactly one wins, and all agree which", async () => {
  const ids = Array.from({ length: 60 }, (_, index) => `race-${index}`);
  await stack.submitAll(
    ids.map((taskId) => ({
      task_id: taskId,
      task_type: "simulate",
      payload: { duration_ms: 1, failure_rate: 0 },
    })),
  );
  const answers = await Promise.all(ids.map(async (taskId) => ({ taskId, ...(await cancel(taskId)) })));
  await stack.untilNoneOpen("race-", 10_000);
  for (const { taskId, status } of answers) {
    const ended = status === 200 ? "cancelled" : "completed";
    expect([taskId, status === 200 || status === 409, (await stack.show(taskId)).status]).toEqual([
      taskId,
      true,
      ended,
    ]);
  }
  const [row] = await stack.sql<{ n: number }[]>`
    select count(*)::integer as n from outcomes join tasks using (seq)
    where task_id like 'race-%' and kind in ('completed', 'cancelled', 'dead')`;
  expect(row?.n).toBe(ids.length);
});

test("a failed task that is retried runs again with its policy and a fresh count, under the same id", async () => {
  external.behave("retried", "status=500,500,500,500,200");
  await stack.submit({
    ...{ task_id: "retried", task_type: "http.request", max_attempts: 2, backoff: { initial_ms: 10 } },
    payload: { url: external.url },
  });
  const failed = await stack.untilEnded("retried");
  expect(failed).toMatchObject({
    status: "failed",
    phase: "dead",
    attempts: 2,
    error: { code: "HTTP_STATUS_500" },
  });
  const { status, body } = await retry("retried");
  expect(status).toBe(200);
  expect(["queued", "running"]).toContain(body.phase);
  expect(body.max_attempts).toBe(2);
  expect((await stack.call("GET", "/api/dlq/retried")).status).toBe(404);

  // Two more failures bury it again; the next retry succeeds.
  expect(await stack.untilEnded("retried")).toMatchObject({ status: "failed", attempts: 4 });
  expect((await stack.call("GET", "/api/dlq/retried")).status).toBe(200);
  await retry("retried");
  expect(await stack.untilEnded("retried")).toMatchObject({ status: "completed", attempts: 5, error: null });
  expect(external.calls.get("retried")).toBe(5);
});

test("a cancelled task that is retried runs", async () => {
  expect((await retry("queued")).status).toBe(200);
  expect(await stack.untilEnded("queued")).toMatchObject({ status: "completed", attempts: 1, error: null });
  expect(external.calls.get("queued")).toBe(1);
});

test("what is open or completed is not retried", async () => {
  await simulated("not-yet", 0, { delay: 600 });
  for (const taskId of ["completed", "not-yet"]) {
    const before = await stack.show(taskId);
    const refused = await retry(taskId);
    expect([refused.status, refused.body.code]).toEqual([409, "TASK_STATE_CONFLICT"]);
    expect(await stack.show(taskId)).toEqual(before);
  }
  expect((await retry("nobody")).status).toBe(404);
});

test("ten retries at once bring a task back once", async () => {
  await simulated("ten-times", 25_000);
  await cancel("ten-times");
  const answers = await Promise.all(Array.from({ length: 10 }, () => retry("ten-times")));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(409)]);
  await cancel("ten-times");
  expect(
    (await stack.sql`select 1 from redrives join tasks using (seq) where task_id = 'ten-times'`).length,
  ).toBe(1);
});

test("the attempts of a task are listed in their order, each with its worker, its times and its error", async () => {
  const own = await startFakeExternalApi(); // Whose breaker has not seen the failures of other tests.
  own.behave("listed", "status=503,500,200");
  await stack.submit({
    ...{ task_id: "listed", task_type: "http.request", backoff: { initial_ms: 30, jitter: false } },
    payload: { url: own.url },
  });
  const task = await stack.untilEnded("listed");
  await own.stop();
  const attempts = await attemptsOf("listed");
  expect(attempts).toMatchObject([
    {
      attempt: 1,
      status: "failed",
      worker_id: task.worker_id,
      result: null,
      error: { code: "HTTP_STATUS_503" },
    },
    {
      attempt: 2,
      status: "failed",
      worker_id: task.worker_id,
      result: null,
      error: { code: "HTTP_STATUS_500" },
    },
    {
      attempt: 3,
      status: "completed",
      worker_id: task.worker_id,
      result: { status: 200 },
      error: null,
      retry_at: null,
    },
  ]);
  const times = attempts
    .flatMap((attempt: Record<string, string>) => [attempt.started_at, attempt.ended_at])
    .map(Date.parse);
  expect(times).toEqual(times.toSorted((a: number, b: number) => a - b));
  expect(Date.parse(attempts[0].retry_at)).toBeGreaterThan(Date.parse(attempts[0].ended_at));

  await simulated("listed-running", 20_000);
  await stack.untilPhase("listed-running", "running");
  expect(await attemptsOf("listed-running")).toMatchObject([
    { attempt: 1, status: "running", ended_at: null },
  ]);
  await cancel("listed-running");
});
