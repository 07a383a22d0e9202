// Runs alone: it compares times.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { untilTrue } from "../support/running-stack.ts";
import { median, startTaskStack, type TaskStack } from "../support/task-stack.ts";

const LONG_SLOTS = 4;
const LONG_TASKS = 20;
/** Loaded and unloaded in turns, so that a machine that grows busier meanwhile slows both down. */
const ROUNDS = 3;
const SAMPLES_PER_ROUND = 30;
const SHORT_MS = 10;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: String(LONG_SLOTS * 2), LONG_SLOTS: String(LONG_SLOTS) });
}, 90_000);
afterAll(() => stack?.close());

/** Sends short tasks one after the other; from submission to completion, in ms, by the times in the rows. */
async function shortLatencies(prefix: string): Promise<readonly number[]> {
  for (let index = 0; index < SAMPLES_PER_ROUND; index += 1) {
    const taskId = `${prefix}-${index}`;
    const payload = { duration_ms: SHORT_MS, failure_rate: 0 };
    await stack.submit({ task_id: taskId, task_type: "simulate", payload });
    await stack.untilEnded(taskId);
  }
  const rows = await stack.sql<{ ms: number }[]>`
    select (extract(epoch from o.ended_at - t.created_at) * 1000)::float8 as ms
    from tasks t join outcomes o using (seq) where t.task_id like ${`${prefix}-%`}`;
  return rows.map((row) => row.ms);
}

const runningLong = async (): Promise<number> =>
  (await stack.call("GET", "/api/tasks?status=running&limit=100")).body.items.filter(
    (task: { lane: string }) => task.lane === "long",
  ).length;

/** Fills the long lane while `measure` runs. */
async function saturated<T>(round: number, measure: () => Promise<T>): Promise<T> {
  const ids = Array.from({ length: LONG_TASKS }, (_, index) => `long-${round}-${index}`);
  const long = {
    task_type: "simulate",
    lane: "long",
    priority: 10,
    payload: { duration_ms: 60_000, failure_rate: 0 },
  };
  await stack.submitAll(ids.map((taskId) => ({ ...long, task_id: taskId })));
  await untilTrue(async () => (await runningLong()) === LONG_SLOTS, 10_000, "a full long lane");
  const measured = await measure();
  expect(await runningLong()).toBe(LONG_SLOTS);
  for (const taskId of ids.toReversed()) await stack.call("POST", `/api/tasks/${taskId}/cancel`);
  return measured;
}

test("twenty long tasks that fill their lane leave the median latency of short ones within 1.5 of its unloaded value", async () => {
  await shortLatencies("warm-up");
  const unloaded: number[] = [];
  const loaded: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    unloaded.push(...(await shortLatencies(`unloaded-${round}`)));
    loaded.push(...(await saturated(round, () => shortLatencies(`loaded-${round}`))));
  }
  const [quietMs, busyMs] = [median(unloaded), median(loaded)];
  const numbers = `median of ${unloaded.length}: unloaded ${quietMs.toFixed(1)} ms, with a full long lane ${busyMs.toFixed(1)} ms`;
  expect({ numbers, isWithin: busyMs <= quietMs * 1.5 }).toEqual({ numbers, isWithin: true });
}, 60_000);

test("a short task that outlives its time-out fails with TIMEOUT, and its slot is free again", async () => {
  const wish = {
    ...{ task_type: "simulate", lane: "short", timeout: 1, max_attempts: 1 },
    payload: { duration_ms: 50_000, failure_rate: 0 },
  };
  // More than the lane has slots: the second half only runs if the first one was stopped.
  const ids = Array.from({ length: LONG_SLOTS * 2 }, (_, index) => `too-long-${index}`);
  await stack.submitAll(ids.map((taskId) => ({ ...wish, task_id: taskId })));
  for (const taskId of ids) {
    const task = await stack.untilEnded(taskId, 15_000);
    expect(task).toMatchObject({
      status: "failed",
      attempts: 1,
      error: { code: "TIMEOUT", message: "it ran longer than 1 s" },
    });
  }
});

test("a time-out is retried like any failure, with a time-out of its own for each attempt", async () => {
  await stack.submit({
    ...{ task_id: "slow-twice", task_type: "simulate", timeout: 1, max_attempts: 2 },
    ...{ backoff: { initial_ms: 10 }, payload: { duration_ms: 9_000, failure_rate: 0 } },
  });
  await stack.untilEnded("slow-twice", 15_000);
  const { items } = (await stack.call("GET", "/api/tasks/slow-twice/attempts")).body;
  expect(
    items.map((attempt: { status: string; error: { code: string } }) => [attempt.status, attempt.error.code]),
  ).toEqual([
    ["failed", "TIMEOUT"],
    ["dead", "TIMEOUT"],
  ]);
  for (const { started_at: start, ended_at: end } of items)
    expect(Date.parse(end) - Date.parse(start)).toBeGreaterThanOrEqual(1_000);
});

test("what may run long goes to the long lane by itself, and the short lane refuses a long time-out", async () => {
  const laneOf = async (wish: Record<string, unknown>) => {
    const { body } = await stack.call("POST", "/api/tasks", { ...wish, delay: 1_000 });
    await stack.call("POST", `/api/tasks/${body.task_id}/cancel`);
    return [body.lane, body.timeout];
  };
  expect(await laneOf({ task_type: "simulate", payload: { duration_ms: 10_000 } })).toEqual(["short", 30]);
  expect(await laneOf({ task_type: "simulate", payload: { duration_ms: 10_001 } })).toEqual(["long", 300]);
  expect(await laneOf({ task_type: "somebody.elses" })).toEqual(["long", 300]);
  expect(await laneOf({ task_type: "somebody.elses", timeout: 60 })).toEqual(["short", 60]);
  expect(await laneOf({ task_type: "somebody.elses", timeout: 61 })).toEqual(["long", 61]);
  const refused = await stack.call("POST", "/api/tasks", {
    task_type: "simulate",
    lane: "short",
    timeout: 61,
  });
  expect(refused.status).toBe(422);
  expect(refused.body.errors).toEqual([
    { path: "/timeout", message: "must be at most 60 s in the short lane" },
  ]);
});
