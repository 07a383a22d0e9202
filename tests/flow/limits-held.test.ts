import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startSecondWorker } from "../support/second-worker.ts";
import { type SwitchedApi, startSwitchedApi } from "../support/switched-api.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "20" }));
  await startSecondWorker(stack, { HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "20" });
}, 90_000);
afterAll(() => stack?.close());

let api: SwitchedApi;
beforeEach(() => {
  api = startSwitchedApi();
});

const call = (taskId: string, fields: object = {}) => ({
  ...{ task_id: taskId, task_type: "http.request", lane: "short", priority: 5 },
  ...{ payload: { url: api.url, method: "GET" } },
  ...fields,
});
const range = (prefix: string, count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, index) => call(`${prefix}-${index}`, fields));
const limit = async (wish: object) => {
  const answer = await stack.call("PUT", "/api/limits", wish);
  expect(answer.status).toBe(200);
  return answer.body;
};
const unlimit = async (scope: string, name: string) => {
  const { status } = await stack.call("DELETE", `/api/limits/${scope}/${encodeURIComponent(name)}`);
  expect(status).toBe(204);
};
const attemptsOf = async (prefix: string) => {
  const [row] = await stack.sql<{ outcomes: number; completed: number }[]>`
    select count(*)::integer as outcomes, count(*) filter (where kind = 'completed')::integer as completed
    from outcomes join tasks using (seq) where task_id like ${`${prefix}-%`}`;
  return row;
};

test("a host's rate holds over two workers, and is used: 150 calls at 50 a second", async () => {
  await limit({ scope: "host", name: api.origin, rate_per_second: 50, burst: 10 });
  await stack.submitAll(range("rated", 150));
  await stack.untilNoneOpen("rated-", WAIT_MS);
  const times = api.calls.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
  expect(times).toHaveLength(150);
  // In any second: what the rate brings and a burst; and a little, for calls that are on their way.
  for (const [index, from] of times.entries()) {
    const within = times.slice(index).filter((at) => at < from + 1_000).length;
    expect(within).toBeLessThanOrEqual(50 + 10 + 6);
  }
  const tookS = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
  expect(tookS).toBeGreaterThan(2.5);
  expect(await attemptsOf("rated")).toEqual({ outcomes: 150, completed: 150 }); // None was used up by waiting.
  await unlimit("host", api.origin);
});

test("a type's concurrency is never exceeded over two workers, and is used", async () => {
  await limit({ scope: "type", name: "http.request", max_concurrent: 4 });
  api.takeMs(50);
  await stack.submitAll(range("few", 80));
  await stack.untilNoneOpen("few-", WAIT_MS);
  expect(api.runningMax()).toBe(4);
  expect(await attemptsOf("few")).toEqual({ outcomes: 80, completed: 80 });
  await unlimit("type", "http.request");
});

test("a tenant at its limit holds up nobody else", async () => {
  await limit({ scope: "tenant", name: "greedy", max_concurrent: 1 });
  api.takeMs(200);
  await stack.submitAll(range("greedy", 30, { tenant: "greedy", priority: 9 }));
  const modest = startSwitchedApi();
  const payload = { url: modest.url, method: "GET" };
  await stack.submitAll(range("modest", 10, { tenant: "modest", priority: 1, payload }));
  await stack.untilNoneOpen("modest-", WAIT_MS);
  const [left] = await stack.sql<{ open: number }[]>`
    select count(*)::integer as open from open_tasks join tasks using (seq) where task_id like 'greedy-%'`;
  expect(left?.open).toBeGreaterThan(0);
  expect(api.runningMax()).toBe(1);
  await unlimit("tenant", "greedy"); // And what it held back goes on at once.
  await stack.untilNoneOpen("greedy-", WAIT_MS);
});

test("permits of a worker that was killed come back, and the limit holds meanwhile", async () => {
  await limit({ scope: "host", name: api.origin, max_concurrent: 3 });
  api.takeMs(300);
  await stack.submitAll(range("killed", 40));
  await untilTrue(async () => api.running() === 3, WAIT_MS, "three run");
  const pid = await stack.pidOf("worker");
  process.kill(pid, "SIGKILL");
  await untilTrue(async () => (await stack.pidOf("worker")) !== pid, WAIT_MS, "another worker");
  await stack.untilNoneOpen("killed-", WAIT_MS);
  expect(api.runningMax()).toBe(3);
  await unlimit("host", api.origin);
}, 120_000);

test("a limit that changes is obeyed as it is now, and outlives the bucket that tells it", async () => {
  await limit({ scope: "host", name: api.origin, rate_per_second: 0.01, burst: 1 });
  await stack.bus.manager.streams.delete("KV_control");
  await stack.submitAll(range("slow", 20));
  await untilTrue(
    async () => (await stack.show("slow-19")).phase === "parked",
    WAIT_MS,
    "the last one is parked",
  );
  expect(api.calls.length).toBeLessThanOrEqual(1);
  expect(await limit({ scope: "host", name: api.origin, rate_per_second: 1_000 })).toMatchObject({
    rate_per_second: 1_000,
    burst: null,
  });
  await stack.untilNoneOpen("slow-", WAIT_MS);
  await unlimit("host", api.origin);
}, 120_000);

test("what makes no sense as a limit is refused by name, and only operators set them", async () => {
  const wrong = [
    [{ scope: "host", name: "example.org", max_concurrent: 1 }, "/name"],
    [{ scope: "type", name: "no spaces", max_concurrent: 1 }, "/name"],
    [{ scope: "tenant", name: "acme" }, "/rate_per_second"],
    [{ scope: "tenant", name: "acme", max_concurrent: 1, burst: 3 }, "/burst"],
    [{ scope: "tenant", name: "acme", max_concurrent: 0 }, "/max_concurrent"],
    [{ scope: "tenant", name: "acme", rate_per_second: -1 }, "/rate_per_second"],
    [{ scope: "planet", name: "acme", max_concurrent: 1 }, "/scope"],
  ] as const;
  for (const [wish, path] of wrong) {
    const { status, body } = await stack.call("PUT", "/api/limits", wish);
    expect([status, body.errors?.[0]?.path]).toEqual([422, path]);
  }
  expect((await stack.call("DELETE", "/api/limits/tenant/nobody")).status).toBe(404);
  const token = await stack.signUp("user@example.org");
  const body = JSON.stringify({ scope: "tenant", name: "acme", max_concurrent: 1 });
  const headers = { "Content-Type": "application/json" };
  expect((await stack.raw("PUT", "/api/limits", { token, headers, body })).status).toBe(403);
  expect((await stack.raw("GET", "/api/limits", { token })).status).toBe(403);
  expect((await stack.call("GET", "/api/limits")).body).toEqual({ items: [] });
});
