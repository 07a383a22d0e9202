import { afterAll, beforeAll, expect, test } from "bun:test";
import { simulatedFailure } from "@millrace/core";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const TASKS = 1_000;
const MAX_ATTEMPTS = 3;
const FAILURE_RATE = 0.3;
const SEED = "a thousand";
const PREFIX = "thousand-";
const ids = Array.from({ length: TASKS }, (_, index) => `${PREFIX}${index}`);

/** The attempt that succeeds, or null when all that there may be fail. */
function predict(taskId: string): number | null {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1)
    if (!simulatedFailure({ seed: SEED, taskId, attempt, failureRate: FAILURE_RATE })) return attempt;
  return null;
}

const doomed = ids.filter((taskId) => predict(taskId) === null);

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: "40" });
  await stack.submitAll(
    ids.map((taskId) => ({
      ...{ task_id: taskId, task_type: "simulate", max_attempts: MAX_ATTEMPTS },
      backoff: { initial_ms: 20, max_ms: 100 },
      payload: { duration_ms: 1, failure_rate: FAILURE_RATE, seed: SEED, error: "as foretold" },
    })),
  );
  await stack.untilNoneOpen(PREFIX, 45_000);
}, 120_000);
afterAll(() => stack?.close());

test("the seed dooms some of the thousand, and not all", () => {
  expect(doomed.length).toBeGreaterThan(10);
  expect(doomed.length).toBeLessThan(60);
});

test("each task ends as the dice foretell: completed at the attempt that succeeds, or dead after the third", async () => {
  const rows = await stack.sql<{ task_id: string; kind: string; attempt: number }[]>`
    select t.task_id, o.kind, o.attempt from outcomes o join tasks t using (seq)
    where t.task_id like ${`${PREFIX}%`} and o.kind in ('completed', 'dead')`;
  const ends = new Map(rows.map(({ task_id, kind, attempt }) => [task_id, { kind, attempt }]));
  const wrong = ids.filter((taskId) => {
    const attempt = predict(taskId);
    const end = ends.get(taskId);
    return (
      end?.kind !== (attempt === null ? "dead" : "completed") || end.attempt !== (attempt ?? MAX_ATTEMPTS)
    );
  });
  expect(wrong).toEqual([]);
  // One last word for each: two would be a task that took effect twice.
  expect(rows).toHaveLength(TASKS);
});

test("every attempt that was made is kept, once, and no other", async () => {
  const [row] = await stack.sql<{ attempts: number; failed: number; results: number }[]>`
    select count(*)::integer as attempts, count(*) filter (where o.kind = 'failed')::integer as failed,
      count(o.result)::integer as results
    from outcomes o join tasks t using (seq) where t.task_id like ${`${PREFIX}%`}`;
  const attempts = ids.reduce((sum, taskId) => sum + (predict(taskId) ?? MAX_ATTEMPTS), 0);
  expect(row).toEqual({ attempts, failed: attempts - TASKS, results: TASKS - doomed.length });
});

test("the API counts as many completed and failed tasks", async () => {
  const total = async (status: string) =>
    (await stack.call("GET", `/api/tasks?task_type=simulate&status=${status}&limit=1`)).body.total;
  expect({
    completed: await total("completed"),
    failed: await total("failed"),
    pending: await total("pending"),
  }).toEqual({
    completed: TASKS - doomed.length,
    failed: doomed.length,
    pending: 0,
  });
});

test("every dead task is in the dead letters, with its payload and error, page by page", async () => {
  const letters = new Map<string, Record<string, unknown>>();
  let path = "/api/dlq?limit=7";
  for (let pages = 0; pages < TASKS; pages += 1) {
    const { body } = await stack.call("GET", path);
    for (const letter of body.items) {
      expect(letters.has(letter.task_id)).toBe(false);
      letters.set(letter.task_id, letter);
    }
    expect(body.total).toBe(doomed.length);
    if (body.next_cursor === null) break;
    path = `/api/dlq?limit=7&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
  expect([...letters.keys()].sort()).toEqual(doomed.toSorted());
  for (const letter of letters.values())
    expect(letter).toMatchObject({
      ...{
        task_type: "simulate",
        attempts: MAX_ATTEMPTS,
        payload: { seed: SEED, failure_rate: FAILURE_RATE },
      },
      error: { code: "SIMULATED_FAILURE", message: "as foretold" },
    });
});

test("the scheduler logs one structured line for each dead letter, with task id, payload and error", async () => {
  const lines = async () =>
    (await stack.logOf("scheduler")).filter(({ message }) => message === "dead letter");
  await untilTrue(async () => (await lines()).length >= doomed.length, 20_000, "a line for each dead letter");
  const logged = await lines();
  expect(logged.map(({ task_id }) => String(task_id)).sort()).toEqual(doomed.toSorted());
  for (const line of logged)
    expect(line).toMatchObject({
      ...{
        level: "ERROR",
        service: "scheduler",
        task_type: "simulate",
        lane: "short",
        attempts: MAX_ATTEMPTS,
      },
      payload: { duration_ms: 1, failure_rate: FAILURE_RATE, seed: SEED, error: "as foretold" },
      error: { code: "SIMULATED_FAILURE", message: "as foretold" },
      correlation_id: expect.any(String),
    });
});

test("the DLQ stream holds a readable copy of each dead letter", async () => {
  const info = await stack.bus.manager.streams.info("DLQ");
  expect(info.state.messages).toBe(doomed.length);
  const copies: string[] = [];
  for (let seq = info.state.first_seq; seq <= info.state.last_seq; seq += 1) {
    const message = await stack.bus.manager.direct.getMessage("DLQ", { seq });
    expect(message?.subject).toBe("dlq.short.simulate");
    const letter = message?.json<Record<string, unknown>>();
    expect(letter).toMatchObject({
      attempts: MAX_ATTEMPTS,
      error: { code: "SIMULATED_FAILURE", message: "as foretold" },
    });
    copies.push(String(letter?.task_id));
  }
  expect(copies.sort()).toEqual(doomed.toSorted());
});
