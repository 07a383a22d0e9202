import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { type SwitchedApi, startSwitchedApi } from "../support/switched-api.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 30_000;

let stack: TaskStack;
let api: SwitchedApi;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "2" }));
  api = startSwitchedApi();
}, 90_000);
afterAll(() => stack?.close());

const simulated = (taskId: string, payload: object = {}, fields: object = {}) => ({
  ...{ task_id: taskId, task_type: "simulate", lane: "short" },
  ...{ payload: { duration_ms: 0, failure_rate: 0, ...payload } },
  ...fields,
});
const called = (taskId: string, fields: object = {}) => ({
  ...{ task_id: taskId, task_type: "http.request", lane: "short" },
  ...{ payload: { url: api.url, method: "GET" } },
  ...fields,
});
const why = async (taskId: string) => {
  const { status, body } = await stack.call("GET", `/api/tasks/${taskId}/why`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ task_id: taskId });
  expect(body.summary).toMatch(/^[A-Z].*\.$/s);
  expect(Date.parse(body.checked_at)).toBeGreaterThan(0);
  return body;
};
const untilWhy = async (taskId: string, reason: string) => {
  await untilTrue(async () => (await why(taskId)).reason === reason, WAIT_MS, `${taskId}: ${reason}`);
  return await why(taskId);
};
const post = async (path: string, body: object = {}) =>
  expect((await stack.call("POST", path, body)).status).toBe(200);
const breaker = (what: string) => `/api/breakers/${encodeURIComponent(api.origin)}/${what}`;

test("ended: completed, failed for good, cancelled", async () => {
  await stack.submitAll([
    simulated("done"),
    simulated("dead", { failure_rate: 1 }, { max_attempts: 1 }),
    simulated("unwanted", {}, { delay: 3_600 }),
  ]);
  await post("/api/tasks/unwanted/cancel");
  expect(await untilWhy("done", "completed")).toMatchObject({ status: "completed", phase: "done" });
  expect(await untilWhy("dead", "failed")).toMatchObject({
    details: { attempts: 1, error: { code: "SIMULATED_FAILURE" } },
  });
  expect(await why("unwanted")).toMatchObject({ reason: "cancelled", phase: "cancelled" });
});

test("running: where, and since when", async () => {
  await stack.submit(simulated("long", { duration_ms: 60_000 }, { lane: "long" }));
  const told = await untilWhy("long", "running");
  expect(told.details).toMatchObject({ worker_id: "worker-1", attempt: 1 });
  expect(Date.parse(told.details.started_at)).toBeGreaterThan(0);
});

test("dependencies: which, and where they stand", async () => {
  await stack.submit(simulated("child", {}, { dependencies: ["long", "done"] }));
  expect(await why("child")).toMatchObject({
    reason: "dependencies",
    phase: "waiting",
    details: {
      waiting_for: 1,
      parents: [{ task_id: "long", status: "running", phase: "running" }],
      parents_truncated: false,
    },
  });
});

test("its place in the lane: behind whom, while the slot is taken", async () => {
  await stack.submitAll([
    ...["one", "two", "three"].map((id) => simulated(`before-${id}`, {}, { lane: "long", priority: 9 })),
    simulated("queued", {}, { lane: "long", priority: 5 }),
  ]);
  expect(await why("queued")).toMatchObject({
    reason: "lane_position",
    details: { lane: "long", priority: 5, ahead: 3, ahead_capped: false, capable_workers: 1 },
  });
  await stack.submitAll(
    Array.from({ length: 10_050 }, (_, n) => simulated(`crowd-${n}`, {}, { lane: "long", priority: 8 })),
  );
  expect(await why("queued")).toMatchObject({ details: { ahead: 10_000, ahead_capped: true } });
});

test("its tenant's turn: how many others take turns, and how many of its own come first", async () => {
  const at = (tenant?: string) => ({ lane: "long", priority: 4, ...(tenant !== undefined && { tenant }) });
  await stack.submitAll([
    simulated("nobody-1", {}, at()),
    ...Array.from({ length: 50 }, (_, n) => simulated(`acme-${n}`, {}, at("acme"))),
    simulated("bolt-1", {}, at("bolt")),
    simulated("nobody-2", {}, at()),
  ]);
  const told = async (taskId: string) => {
    const { reason, details } = await why(taskId);
    return { reason, tenant: details.tenant, others: details.other_tenants, ahead: details.ahead_of_tenant };
  };
  const reason = "tenant_turn";
  expect(await told("acme-49")).toEqual({ reason, tenant: "acme", others: 2, ahead: 49 });
  expect(await told("bolt-1")).toEqual({ reason, tenant: "bolt", others: 2, ahead: 0 });
  expect(await told("nobody-2")).toEqual({ reason, tenant: null, others: 2, ahead: 1 });
});

test("a time: its first, and that of its next attempt", async () => {
  await stack.submitAll([
    simulated("later", {}, { delay: 3_600 }),
    simulated(
      "again",
      { failure_rate: 1 },
      { backoff: { initial_ms: 600_000, max_ms: 600_000, jitter: false } },
    ),
  ]);
  const later = await why("later");
  expect(later).toMatchObject({ reason: "scheduled", phase: "scheduled" });
  expect(Date.parse(later.details.starts_at)).toBeGreaterThan(Date.now() + 3_000_000);
  const again = await untilWhy("again", "retry_wait");
  expect(again.details).toMatchObject({ attempts: 1, max_attempts: 3, error: { code: "SIMULATED_FAILURE" } });
  expect(Date.parse(again.details.next_attempt_at)).toBeGreaterThan(Date.now() + 300_000);
});

test("a breaker: forced by an operator; and open, with its next probe", async () => {
  await post(breaker("open"));
  await stack.submit(called("barred"));
  expect(await untilWhy("barred", "breaker")).toMatchObject({
    phase: "parked",
    details: { origin: api.origin, state: "forced_open", next_probe_at: null },
  });
  await post(breaker("reset"));
  expect(await untilWhy("barred", "completed")).toMatchObject({ details: { attempts: 1 } });
  api.answer(429, { "Retry-After": "600" });
  await stack.submitAll(Array.from({ length: 12 }, (_, n) => called(`refused-${n}`, { max_attempts: 1 })));
  const open = await untilWhy("refused-11", "breaker");
  expect(open.details).toMatchObject({ state: "open", opened_for: "HTTP_STATUS_429" });
  // The host asked for ten minutes.
  expect(Date.parse(open.details.next_probe_at)).toBeGreaterThan(Date.now() + 300_000);
  api.answer(200);
  await post(breaker("reset"));
});

test("a limit: whose, and how much it allows", async () => {
  const limit = { scope: "tenant", name: "acme", rate_per_second: 0.01, burst: 1 };
  expect((await stack.call("PUT", "/api/limits", limit)).status).toBe(200);
  await stack.submit(simulated("first", {}, { tenant: "acme" }));
  await untilWhy("first", "completed");
  await stack.submit(simulated("second", {}, { tenant: "acme" }));
  expect(await untilWhy("second", "limit")).toMatchObject({
    phase: "parked",
    details: { scope: "tenant", name: "acme", rate_per_second: 0.01, max_concurrent: null },
  });
  expect((await stack.call("DELETE", "/api/limits/tenant/acme")).status).toBe(204);
  await untilWhy("second", "completed");
});

test("a pause: of its type, and of its lane", async () => {
  await post("/api/queues/http.request/pause", { reason: "they move house" });
  await stack.submit(called("paused"));
  expect(await untilWhy("paused", "paused_type")).toMatchObject({
    phase: "parked",
    details: { name: "http.request", pause_reason: "they move house" },
  });
  await post("/api/queues/http.request/resume");
  await untilWhy("paused", "completed");
  await post("/api/queues/short/pause");
  await stack.submit(simulated("laned"));
  expect(await untilWhy("laned", "paused_lane")).toMatchObject({ details: { name: "short" } });
  await post("/api/queues/short/resume");
  await untilWhy("laned", "completed");
});

test("no worker that could run it", async () => {
  await stack.submit({ task_id: "unheard", task_type: "unheard.of", payload: {} });
  expect(await untilWhy("unheard", "no_worker")).toMatchObject({
    details: { task_type: "unheard.of", capable_workers: 0 },
  });
});

test("another user's task, and one that is not there, cannot be asked about", async () => {
  const token = await stack.signUp("nosy@example.org");
  expect((await stack.raw("GET", "/api/tasks/done/why", { token })).status).toBe(404);
  expect((await stack.call("GET", "/api/tasks/nobody/why")).status).toBe(404);
  expect((await stack.raw("GET", "/api/tasks/done/why")).status).toBe(401);
});
