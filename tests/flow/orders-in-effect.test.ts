import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startSecondWorker } from "../support/second-worker.ts";
import { startSwitchedApi } from "../support/switched-api.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;
const TIMES = 20;
const QUICK = { duration_ms: 0, failure_rate: 0 };
/** Long enough for a worker that was killed or frozen to be thought alive while a test runs. */
const HEARTBEAT = { HEARTBEAT_INTERVAL: "30" };

let stack: TaskStack;
let second: Bun.Subprocess;
const api = startSwitchedApi();
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres(HEARTBEAT));
  second = await startSecondWorker(stack, HEARTBEAT);
}, 90_000);
afterAll(async () => {
  second?.kill("SIGCONT");
  await api.stop();
  await stack?.close();
});

const order = async (method: string, path: string, body: object = {}) => {
  const answer = await stack.call(method, path, body);
  expect(answer.status).toBe(200);
  return answer.body;
};
const called = (taskId: string) => ({
  ...{ task_id: taskId, task_type: "http.request", lane: "short", priority: 5 },
  payload: { url: api.url, method: "GET" },
});
/** Where a task stands that was let through by nobody: it may wait in the queue or be parked, and has never begun. */
const held = async (taskId: string) => {
  const { status, attempts } = await stack.show(taskId);
  return { status, attempts };
};
const steered = (what: string) => `/api/breakers/${encodeURIComponent(api.origin)}/${what}`;
const ORDERS = [
  ["a lane", "/api/queues/short/pause", "/api/queues/short/resume"],
  ["a task type", "/api/queues/http.request/pause", "/api/queues/http.request/resume"],
  ["the calls of a host", steered("open"), steered("reset")],
] as const;

for (const [what, hold, release] of ORDERS)
  test(`${TIMES} times: once it is answered that ${what} may not start, nothing starts; let go, it runs`, async () => {
    for (let turn = 0; turn < TIMES; turn += 1) {
      const taskId = `${what.replaceAll(" ", "-")}-${turn}`;
      expect((await order("POST", hold)).pending).toEqual([]);
      api.forget();
      await stack.submit(called(taskId));
      // Whatever was sent to the workers before is there by now: one that would start it had the time to.
      await stack.submit({
        ...called(`${taskId}-beside`),
        task_type: "simulate",
        lane: "long",
        payload: QUICK,
      });
      await stack.untilEnded(`${taskId}-beside`, WAIT_MS);
      expect([await held(taskId), api.calls.length]).toEqual([{ status: "pending", attempts: 0 }, 0]);
      expect((await order("POST", release)).pending).toEqual([]);
      expect(await stack.untilEnded(taskId, WAIT_MS)).toMatchObject({ status: "completed", attempts: 1 });
    }
  }, 120_000);

test(`${TIMES} times: once it is answered, a limit holds over both workers`, async () => {
  const limit = { scope: "type", name: "http.request", max_concurrent: 1 };
  for (let turn = 0; turn < TIMES; turn += 1) {
    expect((await order("PUT", "/api/limits", limit)).pending).toEqual([]);
    api.forget();
    api.takeMs(20);
    await stack.submitAll(Array.from({ length: 6 }, (_, index) => called(`limited-${turn}-${index}`)));
    await stack.untilNoneOpen(`limited-${turn}-`, WAIT_MS);
    expect(api.runningMax()).toBe(1);
    expect((await stack.call("DELETE", "/api/limits/type/http.request")).status).toBe(204);
  }
}, 120_000);

test("what is under way when a lane is paused runs or does not: nothing begins after the answer", async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    const prefix = `flood-${turn}`;
    await stack.submitAll(
      Array.from({ length: 2_000 }, (_, index) => ({
        ...{ task_id: `${prefix}-${index}`, task_type: "simulate", lane: "short", payload: QUICK },
      })),
    );
    await untilTrue(async () => (await begun(prefix)) > 0, WAIT_MS, "the first has begun");
    expect((await order("POST", "/api/queues/short/pause")).pending).toEqual([]);
    const answered = await begun(prefix);
    await stack.submit({ task_id: `${prefix}.beside`, task_type: "simulate", lane: "long", payload: QUICK });
    await stack.untilEnded(`${prefix}.beside`, WAIT_MS);
    expect(await begun(prefix)).toBe(answered);
    expect(answered).toBeLessThan(2_000);
    await order("POST", "/api/queues/short/resume");
    await stack.untilNoneOpen(`${prefix}-`, WAIT_MS);
  }
}, 120_000);

/** Tasks that have started, whether they run or have ended. */
async function begun(prefix: string): Promise<number> {
  const [row] = await stack.sql<{ begun: number }[]>`
    select count(*)::integer as begun from tasks t left join open_tasks o using (seq)
    where t.task_id like ${`${prefix}-%`} and (o.seq is null or o.attempt > 0)`;
  return row?.begun ?? 0;
}

test("a frozen worker is waited for a second, and named in the answer and in the log", async () => {
  second.kill("SIGSTOP");
  const startedMs = performance.now();
  const { pending } = await order("POST", "/api/queues/some.type/pause");
  expect(pending).toEqual(["worker-2"]);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990);
  const told = async () => (await stack.logOf("api")).filter((line) => Array.isArray(line.pending)).at(-1);
  await untilTrue(async () => (await told()) !== undefined, 10_000, "a line in the log");
  expect(await told()).toMatchObject({
    level: "WARNING",
    kind: "pauses",
    pending: ["worker-2"],
  });
  second.kill("SIGCONT");
  expect((await order("POST", "/api/queues/some.type/resume")).pending).toEqual([]);
});

test("a worker that has left is not waited for", async () => {
  second.kill("SIGTERM");
  await second.exited;
  for (const what of ["pause", "resume"])
    expect((await order("POST", `/api/queues/some.type/${what}`)).pending).toEqual([]);
});
