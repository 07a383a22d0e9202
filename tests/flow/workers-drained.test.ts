import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, createClient } from "@millrace/client";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startSecondWorker } from "../support/second-worker.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;
const ENV = { HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "4" };

let stack: TaskStack;
let client: Client;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres(ENV));
  client = createClient({ baseUrl: stack.apiUrl, apiKey: stack.apiKey });
}, 90_000);
afterAll(() => stack?.close());

const simulated = (taskId: string, durationMs = 0) => ({
  ...{ task_id: taskId, task_type: "simulate", lane: "short", priority: 5 },
  payload: { duration_ms: durationMs, failure_rate: 0 },
});
const range = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => simulated(`${prefix}-${index}`));
const statusOf = async (workerId: string) => (await client.workers.get(workerId)).status;
const listed = async (workerId: string) =>
  (await client.workers.list()).find(({ worker_id: id }) => id === workerId);
const untilStatus = (workerId: string, status: string) =>
  untilTrue(async () => (await listed(workerId))?.status === status, WAIT_MS, `${workerId} is ${status}`);
/** Which workers have run tasks of this prefix. */
const ranOn = async (prefix: string): Promise<readonly string[]> => {
  const rows = await stack.sql<{ worker: string }[]>`
    select distinct split_part(o.claimed_by, '~', 1) as worker from outcomes o join tasks t using (seq)
    where t.task_id like ${`${prefix}-%`} order by 1`;
  return rows.map(({ worker }) => worker);
};
const why = async (taskId: string) => (await stack.call("GET", `/api/tasks/${taskId}/why`)).body;

test("a drained worker finishes what runs and starts nothing; resumed, it does what waited", async () => {
  await stack.submit(simulated("running", 3_000));
  await stack.untilPhase("running", "running", WAIT_MS);
  await client.workers.drain("worker-1");
  await stack.submitAll(range("waits", 20));
  await untilStatus("worker-1", "draining");
  // What it says from its first such heartbeat on: whoever waits for 0 must not be told so too soon.
  expect(await client.workers.get("worker-1")).toMatchObject({
    kind: "embedded",
    current_tasks: ["running"],
  });
  expect(await stack.untilEnded("running", WAIT_MS)).toMatchObject({ status: "completed", attempts: 1 });
  await untilTrue(async () => (await listed("worker-1"))?.running === 0, WAIT_MS, "nothing runs there");
  expect(await statusOf("worker-1")).toBe("draining");
  expect(await stack.show("waits-0")).toMatchObject({ status: "pending", attempts: 0 });
  expect(await why("waits-0")).toMatchObject({ reason: "no_worker", details: { capable_workers: 0 } });
  expect((await stack.call("GET", "/api/alerts")).body.items).not.toContainEqual(
    expect.objectContaining({ rule: "worker_dead" }),
  );
  await client.workers.resume("worker-1");
  await stack.untilNoneOpen("waits-", WAIT_MS);
  await untilStatus("worker-1", "active");
  expect(await stack.show("waits-19")).toMatchObject({ status: "completed", attempts: 1 });
}, 90_000);

test("20 times: once a drain is answered nothing starts, and once a resume is, everything does", async () => {
  for (let turn = 0; turn < 20; turn += 1) {
    const taskId = `turn-${turn}`;
    await client.workers.drain("worker-1");
    await stack.submit(simulated(taskId));
    expect(await stack.show(taskId)).toMatchObject({ status: "pending", attempts: 0 });
    const [clock] = await stack.sql<{ now: Date }[]>`select clock_timestamp() as now`;
    await client.workers.resume("worker-1");
    const { started_at: startedAt } = await stack.untilEnded(taskId, WAIT_MS);
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(clock?.now.getTime() ?? 0);
  }
}, 90_000);

test("started again while it is drained it stays drained, killed or not, and others do its work", async () => {
  await client.workers.drain("worker-1");
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const former = await lifeOf("worker-1");
    process.kill(await stack.pidOf("worker"), signal);
    await untilTrue(async () => (await lifeOf("worker-1")) !== former, WAIT_MS, "another life of it");
    expect(await statusOf("worker-1")).toBe("draining"); // From its first heartbeat on.
  }
  await stack.submitAll(range("left", 10));
  const second = await startSecondWorker(stack, ENV);
  await stack.untilNoneOpen("left-", WAIT_MS);
  expect(await ranOn("left")).toEqual(["worker-2"]);
  second.kill("SIGTERM");
  await second.exited;
  await client.workers.resume("worker-1");
  await stack.submitAll(range("again", 10));
  await stack.untilNoneOpen("again-", WAIT_MS);
  expect(await ranOn("again")).toEqual(["worker-1"]);
}, 180_000);

/** Since when it lives; between two lives, when the former one began. */
let lastLife = "";
async function lifeOf(workerId: string): Promise<string> {
  lastLife = (await listed(workerId))?.started_at ?? lastLife;
  return lastLife;
}

test("one that does not run now can be resumed, and a worker over HTTP as well", async () => {
  const second = await startSecondWorker(stack, ENV);
  await untilStatus("worker-2", "active");
  await client.workers.drain("worker-2");
  second.kill("SIGTERM");
  await second.exited;
  await untilTrue(
    async () => (await codeOf(client.workers.get("worker-2"))) === "NOT_FOUND",
    WAIT_MS,
    "it left",
  );
  await client.workers.resume("worker-2");
  expect(await codeOf(client.workers.resume("worker-2"))).toBe("NOT_FOUND");
  await client.workers.register({ worker_id: "press", capabilities: ["print"], max_concurrent_tasks: 1 });
  await stack.submit({ task_id: "print", task_type: "print" });
  await client.workers.drain("press");
  const lease = () => client.workers.lease("press", { max_tasks: 1, wait_seconds: 1 });
  expect(await lease()).toMatchObject({ tasks: [], drain: true });
  await client.workers.resume("press");
  expect(await lease()).toMatchObject({ tasks: [{ task_id: "print" }], drain: false });
}, 90_000);

test("only operators drain and resume workers of the product, and nobody one that is not there", async () => {
  const token = await stack.signUp("somebody@example.org");
  for (const what of ["drain", "resume"]) {
    const path = `/api/workers/worker-1/${what}`;
    expect((await stack.raw("POST", path)).status).toBe(401);
    expect(await stack.raw("POST", path, { token })).toMatchObject({
      status: 403,
      body: { code: "FORBIDDEN" },
    });
    expect((await stack.call("POST", `/api/workers/nobody/${what}`)).status).toBe(404);
  }
  expect(await statusOf("worker-1")).toBe("active");
});

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => "done",
    (error: { code?: unknown }) => error.code,
  );
}
