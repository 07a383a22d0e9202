import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ApiError, type Client, createClient } from "@millrace/client";
import { listShelvedTypes } from "@millrace/store";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** A worker over HTTP, word by word, on the whole product. */
let stack: TaskStack;
let operator: Client;
let user: Client;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ HEARTBEAT_INTERVAL: "1" }));
  operator = createClient({ baseUrl: stack.apiUrl, apiKey: stack.apiKey });
  user = createClient({ baseUrl: stack.apiUrl, accessToken: await stack.signUp("worker@example.org") });
}, 120_000);
afterAll(() => stack.close());

let made = 0;
async function register(client: Client, capability: string, max_concurrent_tasks = 5) {
  made += 1;
  const worker_id = `by-hand-${made}`;
  await client.workers.register({
    worker_id,
    capabilities: [capability],
    max_concurrent_tasks,
    heartbeat_interval: 60,
  });
  return worker_id;
}

async function leaseOne(client: Client, workerId: string) {
  const { tasks } = await client.workers.lease(workerId, { max_tasks: 1, wait_seconds: 20 });
  const [task] = tasks;
  if (task === undefined) throw new Error(`${workerId} got nothing`);
  return task;
}

/** So many requests wait at the api for tasks. */
async function untilWaiting(count: number): Promise<void> {
  const pattern = /^millrace_leases_waiting\S* (\d+)$/m;
  const waiting = async () => Number(pattern.exec(String((await stack.raw("GET", "/metrics")).body))?.[1]);
  await untilTrue(async () => (await waiting()) === count, 30_000);
}

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "none",
    (error: ApiError) => error.code,
  );
}

test("tasks submitted before anybody can run them wait without an attempt, and start when a worker registers", async () => {
  await stack.submitAll([1, 2, 3].map((n) => ({ task_type: "before.any", task_id: `early-${n}` })));
  await untilTrue(async () => (await listShelvedTypes(stack.sql)).includes("before.any"), 30_000);
  expect(await stack.show("early-1")).toMatchObject({ phase: "queued", attempts: 0 });
  const workerId = await register(operator, "before.any");
  const ids = new Set<string>();
  while (ids.size < 3) ids.add((await leaseOne(operator, workerId)).task_id);
  expect([...ids].toSorted()).toEqual(["early-1", "early-2", "early-3"]);
});

test("a waiting lease is woken by the submission, many times sooner than any poll", async () => {
  const workerId = await register(operator, "woken", 50);
  const tookMs: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    const leasing = leaseOne(operator, workerId);
    await untilWaiting(1);
    await stack.submit({ task_type: "woken", task_id: `woken-${n}` });
    const submittedMs = performance.now();
    expect((await leasing).task_id).toBe(`woken-${n}`);
    tookMs.push(performance.now() - submittedMs);
  }
  expect(Math.min(...tookMs)).toBeLessThan(50);
});

test("a stale token is refused, and the same completion again gets the same answer", async () => {
  const workerId = await register(operator, "fenced");
  await stack.submit({ task_type: "fenced", task_id: "fenced" });
  const task = await leaseOne(operator, workerId);
  expect(Date.parse(task.lease_expires_at)).toBeGreaterThan(Date.now());
  const forged = { ...task, lease_token: `${task.lease_token.slice(0, -2)}AA` };
  expect(await codeOf(operator.workers.complete(forged, 1))).toBe("LEASE_LOST");
  expect(await codeOf(operator.workers.complete({ ...task, task_id: "another" }, 1))).toBe("LEASE_LOST");
  expect(await codeOf(user.workers.complete(task, 1))).toBe("LEASE_LOST");
  const first = await operator.workers.complete(task, { n: 1 });
  expect(first).toEqual({ task_id: "fenced", attempt: 1, outcome: "completed", retry_at: null });
  expect(await operator.workers.complete(task, { n: 2 })).toEqual(first);
  expect(await codeOf(operator.workers.fail(task, { message: "too late" }))).toBe("LEASE_LOST");
  expect(await codeOf(operator.workers.progress(task))).toBe("LEASE_LOST");
  expect(await stack.show("fenced")).toMatchObject({ status: "completed", result: { n: 1 } });
});

test("another life of a worker fences the former one, whose task runs again", async () => {
  const workerId = await register(operator, "reborn");
  await stack.submit({ task_type: "reborn", task_id: "reborn" });
  const task = await leaseOne(operator, workerId);
  const wish = { worker_id: workerId, capabilities: ["reborn"], max_concurrent_tasks: 1 };
  const { session } = await operator.workers.register(wish);
  expect(
    await codeOf(
      operator.workers.heartbeat(workerId, { status: "active", current_tasks: [], session: "old" }),
    ),
  ).toBe("WORKER_REPLACED");
  const again = await leaseOne(operator, workerId);
  expect(again).toMatchObject({ task_id: "reborn", attempt: 2 });
  expect(await codeOf(operator.workers.complete(task, 1))).toBe("LEASE_LOST");
  await operator.workers.complete(again, 2);
  expect(await stack.untilEnded("reborn")).toMatchObject({ status: "completed", result: 2, attempts: 2 });
  expect(session).toStartWith(`${workerId}~`);
});

test("whoever waits when it is drained, replaced or removed is told so at once", async () => {
  const wait = (workerId: string) => operator.workers.lease(workerId, { max_tasks: 1, wait_seconds: 25 });
  const drained = await register(operator, "waiting");
  const replaced = await register(operator, "waiting");
  const removed = await register(operator, "waiting");
  const answers = [wait(drained), codeOf(wait(replaced)), codeOf(wait(removed))] as const;
  await untilWaiting(3);
  await operator.workers.drain(drained);
  await operator.workers.register({
    worker_id: replaced,
    capabilities: ["waiting"],
    max_concurrent_tasks: 1,
  });
  await operator.workers.remove(removed);
  const [first, second, third] = await Promise.all(answers);
  expect([first.tasks, first.drain, second, third]).toEqual([[], true, "WORKER_REPLACED", "NOT_FOUND"]);
}, 20_000);

test("a failed task is leased again after its back-off, and is dead after its last attempt", async () => {
  const workerId = await register(operator, "failing");
  const backoff = { initial_ms: 300, factor: 1, max_ms: 300, jitter: false };
  await stack.submit({ task_type: "failing", task_id: "failing", max_attempts: 2, backoff });
  const first = await leaseOne(operator, workerId);
  const told = await operator.workers.fail(first, { code: "SO_IT_IS", message: "so it is" });
  expect(told).toMatchObject({ outcome: "failed", retry_at: expect.any(String) });
  expect(await operator.workers.fail(first, { message: "again" })).toEqual(told);
  const second = await leaseOne(operator, workerId); // Woken by the clock alone.
  expect(second.attempt).toBe(2);
  expect(await operator.workers.fail(second, { message: "again" })).toMatchObject({
    outcome: "dead",
    retry_at: null,
  });
  expect(await stack.untilEnded("failing")).toMatchObject({
    status: "failed",
    error: { code: "WORKER_ERROR" },
  });
});

test("a cancelled task is told to its worker, who cannot complete it any more", async () => {
  const workerId = await register(operator, "cancelled");
  await stack.submit({ task_type: "cancelled", task_id: "cancelled" });
  const task = await leaseOne(operator, workerId);
  const waiting = operator.workers.lease(workerId, { max_tasks: 1, wait_seconds: 20 });
  await stack.call("POST", "/api/tasks/cancelled/cancel");
  expect(await waiting).toMatchObject({ tasks: [], cancelled: ["cancelled"] });
  const beat = { status: "active", current_tasks: ["cancelled"] } as const;
  expect((await operator.workers.heartbeat(workerId, beat)).cancelled).toEqual(["cancelled"]);
  expect(await operator.workers.progress(task)).toMatchObject({ cancelled: true });
  expect(await codeOf(operator.workers.complete(task, 1))).toBe("LEASE_LOST");
});

test("a user's worker gets its owner's tasks alone, and nobody else's worker is anybody's to use", async () => {
  const own = await register(user, "private");
  await stack.submit({ task_type: "private", task_id: "of-admin" });
  await user.tasks.submit({ task_type: "private", task_id: "of-user" });
  expect((await leaseOne(user, own)).task_id).toBe("of-user");
  expect((await user.workers.lease(own, { max_tasks: 1, wait_seconds: 0 })).tasks).toEqual([]);
  expect((await leaseOne(operator, await register(operator, "private"))).task_id).toBe("of-admin");
  expect(await codeOf(operator.workers.lease(own, { max_tasks: 1, wait_seconds: 0 }))).toBe("NOT_FOUND");
  const wish = { worker_id: own, capabilities: ["private"], max_concurrent_tasks: 1 };
  expect(await codeOf(operator.workers.register(wish))).toBe("WORKER_ID_TAKEN");
  const foreign = await register(operator, "private");
  expect(await codeOf(user.workers.drain(foreign))).toBe("NOT_FOUND");
  expect(await codeOf(user.workers.get(foreign))).toBe("NOT_FOUND");
  const ours = (await operator.workers.list()).find((worker) => worker.kind === "embedded");
  expect(await codeOf(user.workers.register({ ...wish, worker_id: ours?.worker_id ?? "" }))).toBe(
    "WORKER_ID_TAKEN",
  );
  expect(await codeOf(user.workers.register({ ...wish, capabilities: ["file.process"] }))).toBe(
    "VALIDATION_FAILED",
  );
  const { body: key } = await stack.call("POST", "/api/auth/keys", { name: "k", scopes: ["tasks:read"] });
  const reader = createClient({ baseUrl: stack.apiUrl, apiKey: key.api_key });
  expect(await codeOf(reader.workers.list())).toBe("FORBIDDEN");
});

test("the list shows ours and those that speak HTTP, ill after two missed beats and dead after three", async () => {
  const statusOf = async () => (await operator.workers.get("mortal")).status;
  const wish = {
    worker_id: "mortal",
    capabilities: ["mortal"],
    max_concurrent_tasks: 1,
    heartbeat_interval: 2,
  };
  await operator.workers.register(wish);
  await stack.submit({ task_type: "mortal", task_id: "mortal" });
  const task = await leaseOne(operator, "mortal");
  const beat = { status: "active", current_tasks: ["mortal"], system_info: { cpu_usage: 0.5 } } as const;
  await operator.workers.heartbeat("mortal", beat);
  await untilTrue(async () => (await operator.workers.get("mortal")).running === 1, 10_000);
  expect(await operator.workers.get("mortal")).toMatchObject({
    ...{ status: "active", kind: "http", current_tasks: ["mortal"], system_info: { cpu_usage: 0.5 } },
  });
  await untilTrue(async () => (await statusOf()) === "unhealthy", 30_000);
  await untilTrue(async () => (await statusOf()) === "dead", 30_000);
  const heir = await register(operator, "mortal");
  expect(await leaseOne(operator, heir)).toMatchObject({ task_id: "mortal", attempt: 2 });
  expect(await codeOf(operator.workers.complete(task, 1))).toBe("LEASE_LOST");
  await untilTrue(async () => {
    const lines = await stack.logOf("scheduler");
    return lines.some(
      (line) => line.worker_id === "mortal" && String(line.message).startsWith("a worker is dead"),
    );
  }, 30_000);
}, 90_000);

test("a draining worker is given nothing, and one that is removed gives back what it had, unpunished", async () => {
  const workerId = await register(operator, "leaving");
  await stack.submitAll([1, 2].map((n) => ({ task_type: "leaving", task_id: `leaving-${n}` })));
  await leaseOne(operator, workerId);
  await operator.workers.drain(workerId);
  expect(await operator.workers.lease(workerId, { max_tasks: 1, wait_seconds: 20 })).toMatchObject({
    tasks: [],
    drain: true,
  });
  expect(await operator.workers.heartbeat(workerId, { status: "active", current_tasks: [] })).toMatchObject({
    drain: true,
  });
  await operator.workers.remove(workerId);
  const heir = await register(operator, "leaving");
  const { tasks } = await operator.workers.lease(heir, { max_tasks: 5, wait_seconds: 20 });
  const rest =
    tasks.length === 2 ? [] : (await operator.workers.lease(heir, { max_tasks: 5, wait_seconds: 20 })).tasks;
  expect([...tasks, ...rest].map((task) => task.task_id).toSorted()).toEqual(["leaving-1", "leaving-2"]);
  const { body } = await stack.call("GET", "/api/tasks/leaving-1/attempts");
  expect(body.items.map((one: { status: string }) => one.status)).not.toContain("lost");
});
