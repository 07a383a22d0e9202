import { afterAll, beforeAll, expect, test } from "bun:test";
import { TASKS_STREAM } from "@millrace/protocol";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 30_000;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ HEARTBEAT_INTERVAL: "1" }));
}, 90_000);
afterAll(() => stack?.close());

const order = async (name: string, what: "pause" | "resume", body?: object) => {
  const answer = await stack.call("POST", `/api/queues/${name}/${what}`, body ?? {});
  expect(answer.status).toBe(200);
  return answer.body;
};
const queues = async () => (await stack.call("GET", "/api/queues")).body;
const parkedCount = async (name: string): Promise<number> =>
  (await queues()).paused.find((pause: { name: string }) => pause.name === name)?.parked ?? -1;
const simulated = (taskId: string, durationMs = 0) => ({
  ...{ task_id: taskId, task_type: "simulate", lane: "short", priority: 10 },
  payload: { duration_ms: durationMs, failure_rate: 0 },
});
const called = (taskId: string) => ({
  ...{ task_id: taskId, task_type: "http.request", lane: "short", priority: 1, max_attempts: 1 },
  payload: { url: `${stack.apiUrl}/health/live`, method: "GET" },
});
const range = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const kvKeys = async (): Promise<readonly string[]> => {
  const { subjects = {} } = (await stack.bus.manager.streams.info("KV_control", { subjects_filter: ">" }))
    .state;
  return Object.keys(subjects);
};

test("tasks of a paused type are parked without an attempt and block nobody; on resume they all run, once", async () => {
  const answer = await order("simulate", "pause", { reason: "the other side is down" });
  expect(answer).toMatchObject({
    name: "simulate",
    kind: "type",
    paused: true,
    reason: "the other side is down",
  });
  expect(await kvKeys()).toContain("$KV.control.paused.simulate");
  const ids = range("parked", 60);
  await stack.submitAll(ids.map((id) => simulated(id)));
  // Less urgent, in the same lane, behind sixty that may not start: it runs.
  await stack.submit(called("passes"));
  expect(await stack.untilEnded("passes", WAIT_MS)).toMatchObject({ status: "completed" });
  await untilTrue(async () => (await parkedCount("simulate")) === ids.length, WAIT_MS, "all are parked");
  expect(await stack.show("parked-7")).toMatchObject({
    status: "pending",
    phase: "parked",
    attempts: 0,
    next_attempt_at: null,
  });
  const { state } = await stack.bus.manager.streams.info(TASKS_STREAM);
  expect(state.messages).toBe(0); // None of them goes round and round.

  await order("simulate", "resume");
  await stack.untilNoneOpen("parked-", WAIT_MS);
  for (const id of [ids[0] ?? "", ids.at(-1) ?? ""])
    expect(await stack.show(id)).toMatchObject({ status: "completed", attempts: 1 });
  const [row] = await stack.sql<{ outcomes: number; distinct: number }[]>`
    select count(*)::integer as outcomes, count(distinct seq)::integer as distinct
    from outcomes join tasks using (seq) where task_id like 'parked-%'`;
  expect(row).toEqual({ outcomes: ids.length, distinct: ids.length });
  expect(await queues()).toMatchObject({ paused: [] });
});

test("a paused lane starts nothing, what runs in it ends, and the other lane goes on", async () => {
  await stack.submit(simulated("running", 1_500));
  await stack.untilPhase("running", "running", WAIT_MS);
  expect(await order("short", "pause")).toMatchObject({ kind: "lane", paused: true });
  expect(await stack.untilEnded("running", WAIT_MS)).toMatchObject({ status: "completed", attempts: 1 });
  const ids = range("laned", 20);
  await stack.submitAll(ids.map((id) => simulated(id)));
  await stack.submit({ ...simulated("beside"), lane: "long" });
  expect(await stack.untilEnded("beside", WAIT_MS)).toMatchObject({ status: "completed" });
  expect(await stack.show("laned-0")).toMatchObject({ status: "pending", phase: "parked", attempts: 0 });
  await untilTrue(
    async () => {
      const { items } = await queues();
      const level = items.find(
        (one: { lane: string; priority: number }) => one.lane === "short" && one.priority === 10,
      );
      return level.paused && level.waiting === ids.length && level.due === ids.length && level.oldest_age > 0;
    },
    WAIT_MS,
    "the level says what it holds",
  );
  await order("short", "resume");
  await stack.untilNoneOpen("laned-", WAIT_MS);
  expect(await stack.show("laned-19")).toMatchObject({ status: "completed", attempts: 1 });
});

test("a pause outlives workers, schedulers, and the bucket that tells it around", async () => {
  await order("simulate", "pause");
  await stack.bus.manager.streams.delete("KV_control");
  for (const name of ["worker", "scheduler"]) {
    const pid = await stack.pidOf(name);
    process.kill(pid, "SIGKILL");
    await untilTrue(async () => (await stack.pidOf(name)) !== pid, WAIT_MS, `another ${name}`);
  }
  await stack.submit(simulated("survivor"));
  await untilTrue(async () => (await parkedCount("simulate")) === 1, WAIT_MS, "it is parked");
  await untilTrue(
    async () => (await kvKeys().catch((): readonly string[] => [])).includes("$KV.control.paused.simulate"),
    WAIT_MS,
    "the bucket says so again",
  );
  await order("simulate", "resume");
  expect(await stack.untilEnded("survivor", WAIT_MS)).toMatchObject({ status: "completed", attempts: 1 });
});

test("a parked task can be cancelled, and does not come back", async () => {
  await order("simulate", "pause");
  await stack.submit(simulated("unwanted"));
  await untilTrue(async () => (await parkedCount("simulate")) === 1, WAIT_MS, "it is parked");
  const { body } = await stack.call("POST", "/api/tasks/unwanted/cancel");
  expect(body).toMatchObject({ status: "cancelled", attempts: 0 });
  await order("simulate", "resume");
  await stack.submit(simulated("wanted"));
  await stack.untilEnded("wanted", WAIT_MS);
  expect(await stack.show("unwanted")).toMatchObject({ status: "cancelled" });
});
