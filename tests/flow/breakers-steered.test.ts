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

const untilParked = (count: number) =>
  untilTrue(async () => (await breaker())?.parked === count, WAIT_MS, `${count} are parked`);
const steer = async (what: string, body: object = {}) => {
  const answer = await stack.call("POST", `/api/breakers/${encodeURIComponent(api.origin)}/${what}`, body);
  expect(answer.status).toBe(200);
  return answer.body;
};
const keysOf = (calls: readonly { readonly key: string }[]) => new Set(calls.map(({ key }) => key));

test("a host that an operator closed off gets no call, no attempt is used up, and on reset everything runs", async () => {
  expect(await steer("open", { reason: "they asked us to" })).toMatchObject({
    origin: api.origin,
    state: "forced_open",
    reason: "they asked us to",
  });
  await stack.submitAll(range("forced", 40));
  await untilParked(40);
  expect(await stack.show("forced-7")).toMatchObject({ status: "pending", phase: "parked", attempts: 0 });
  expect(api.calls).toHaveLength(0);
  const { state } = await stack.bus.manager.streams.info("TASKS");
  expect(state.messages).toBe(0); // None of them goes round and round.
  await steer("reset");
  await stack.untilNoneOpen("forced-", WAIT_MS);
  expect(await stack.show("forced-39")).toMatchObject({ status: "completed", attempts: 1 });
  expect(keysOf(api.calls).size).toBe(40);
});

test("what an operator let through is called, however often it fails", async () => {
  expect(await steer("close")).toMatchObject({ state: "forced_closed" });
  api.answer(500);
  await stack.submitAll(range("through", 30, { max_attempts: 1 }));
  await stack.untilNoneOpen("through-", WAIT_MS);
  expect(api.calls).toHaveLength(30);
  expect(await breaker()).toMatchObject({ state: "forced_closed", parked: 0 });
});

test("a host that is back is found out by one task, the most urgent, and that it failed costs the task nothing", async () => {
  api.answer(503);
  await stack.submitAll(range("opener", 10, { max_attempts: 1 }));
  await untilState("open");
  await stack.submitAll([...range("behind", 20), call("urgent", { priority: 10, max_attempts: 1 })]);
  await untilTrue(async () => (await breaker())?.openings >= 3, WAIT_MS, "two probes have failed");
  // Its only attempt may have been a probe, which was sent for all of them.
  expect((await stack.show("urgent")).status).toBe("pending");
  api.forget();
  await untilTrue(async () => api.calls.length > 0, WAIT_MS, "another probe");
  await untilState("open");
  expect(api.calls).toHaveLength(1);
  api.answer(200);
  await stack.untilNoneOpen("behind-", WAIT_MS);
  expect(await stack.untilEnded("urgent", WAIT_MS)).toMatchObject({ status: "completed" });
}, 120_000);

test("what is parked outlives all workers and the scheduler, and a cancelled task does not come back", async () => {
  await steer("open");
  await stack.submitAll(range("survivor", 10));
  await untilParked(10);
  await stack.call("POST", "/api/tasks/survivor-0/cancel");
  for (const name of ["worker", "scheduler"]) {
    const pid = await stack.pidOf(name);
    process.kill(pid, "SIGKILL");
    await untilTrue(async () => (await stack.pidOf(name)) !== pid, WAIT_MS, `another ${name}`);
  }
  await stack.submit(call("survivor-new"));
  await untilParked(10);
  expect(api.calls).toHaveLength(0);
  await steer("reset");
  await stack.untilNoneOpen("survivor-", WAIT_MS);
  expect(await stack.show("survivor-0")).toMatchObject({ status: "cancelled" });
  expect(keysOf(api.calls).has("survivor-0")).toBe(false);
  expect(keysOf(api.calls).size).toBe(10);
});

test("a host that stands in a parent's result is guarded, too", async () => {
  await steer("open");
  const elsewhere = startSwitchedApi();
  await stack.submit({ ...call("parent"), payload: { url: elsewhere.url, method: "GET" } });
  const child = { url: `${api.origin}/{{tasks.parent.result.status}}`, method: "GET" };
  await stack.submit({ ...call("child", { dependencies: ["parent"] }), payload: child });
  await untilParked(1);
  expect(await stack.show("child")).toMatchObject({ phase: "parked", attempts: 0 });
  await steer("reset");
  expect(await stack.untilEnded("child", WAIT_MS)).toMatchObject({ status: "completed", attempts: 1 });
});

test("a host that answers 4xx is not down", async () => {
  api.answer(404);
  await stack.submitAll(range("wrong", 30));
  await stack.untilNoneOpen("wrong-", WAIT_MS);
  expect(api.calls).toHaveLength(30);
  expect(await breaker()).toBeUndefined();
});

test("only operators see and steer breakers, and only of hosts", async () => {
  const token = await stack.signUp("someone@example.org");
  const path = `/api/breakers/${encodeURIComponent(api.origin)}/open`;
  expect((await stack.raw("GET", "/api/breakers", { token })).status).toBe(403);
  expect((await stack.raw("POST", path, { token })).status).toBe(403);
  expect((await stack.raw("POST", path)).status).toBe(401);
  for (const wrong of ["example.org", "https://example.org/path", "ftp://example.org"])
    expect((await stack.call("POST", `/api/breakers/${encodeURIComponent(wrong)}/open`)).status).toBe(422);
});
