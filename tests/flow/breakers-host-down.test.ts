import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startSecondWorker } from "../support/second-worker.ts";
import { type SwitchedApi, startSwitchedApi } from "../support/switched-api.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "10" }));
  await startSecondWorker(stack, { HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "10" });
}, 90_000);
afterAll(() => stack?.close());

/** A host of its own for each test: a breaker is a host's. */
let api: SwitchedApi;
beforeEach(() => {
  api = startSwitchedApi();
});

const call = (taskId: string, fields: object = {}) => ({
  ...{ task_id: taskId, task_type: "http.request", lane: "short", priority: 5 },
  ...{ payload: { url: api.url, method: "GET" }, backoff: { initial_ms: 100, factor: 2, max_ms: 500 } },
  ...fields,
});
const range = (prefix: string, count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, index) => call(`${prefix}-${index}`, fields));
const breaker = async () => {
  const { body } = await stack.call("GET", "/api/breakers");
  return body.items.find(({ origin }: { origin: string }) => origin === api.origin);
};
const untilState = (state: string) =>
  untilTrue(async () => (await breaker())?.state === state, WAIT_MS, `the breaker is ${state}`);
test("a host that fails for ten seconds with 1 000 tasks on it gets fewer than 50 calls, and all complete when it is back", async () => {
  api.answer(503);
  await stack.submitAll(range("down", 1_000));
  await untilState("open");
  const failsUntilMs = performance.now() + 10_000;
  await untilTrue(async () => performance.now() >= failsUntilMs, WAIT_MS, "the end of the outage");
  const whileDown = api.calls.length;
  expect(whileDown).toBeGreaterThanOrEqual(5);
  expect(whileDown).toBeLessThan(50);
  expect((await breaker()).parked).toBeGreaterThan(900);
  const [parked] = await stack.sql<{ attempts: number; failures: number }[]>`
    select max(o.attempt)::integer as attempts, sum(o.failures)::integer as failures
    from open_tasks o join tasks t using (seq) where t.task_id like 'down-%' and o.parked_for is not null`;
  // Each attempt is a call that reached the host: none was used up by waiting.
  const [started] = await stack.sql<{ count: number }[]>`
    select count(*)::integer as count from outcomes join tasks using (seq) where task_id like 'down-%'`;
  expect(started?.count).toBeLessThanOrEqual(whileDown);
  expect(parked?.failures).toBeLessThanOrEqual(whileDown);

  api.answer(200);
  await stack.untilNoneOpen("down-", WAIT_MS);
  const [done] = await stack.sql<{ completed: number; dead: number }[]>`
    select count(*) filter (where kind = 'completed')::integer as completed,
      count(*) filter (where kind = 'dead')::integer as dead
    from outcomes join tasks using (seq) where task_id like 'down-%'`;
  expect(done).toEqual({ completed: 1_000, dead: 0 });
  await untilState("closed");
}, 120_000);
