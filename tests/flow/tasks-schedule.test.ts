import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 90_000);
afterAll(() => stack?.close());

const simulated = (taskId: string, when: Readonly<Record<string, unknown>>) =>
  stack.submit({
    task_id: taskId,
    task_type: "simulate",
    payload: { duration_ms: 0, failure_rate: 0 },
    ...when,
  });
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

/** Subjects of the schedules that the stream holds. */
async function schedules(): Promise<readonly string[]> {
  const { state } = await stack.bus.manager.streams.info("TASKS", { subjects_filter: "sched.>" });
  return Object.keys(state.subjects ?? {});
}

async function seqOf(taskId: string): Promise<number> {
  const [row] = await stack.sql<{ seq: number }[]>`select seq from task_keys where task_id = ${taskId}`;
  return row?.seq ?? 0;
}

test("a task with a delay, and one with a time, do not start before it; the answer says when that is", async () => {
  const submitted = Date.now();
  const delayed = await simulated("delayed", { delay: 1.5 });
  const runAt = inMs(1_500);
  const timed = await simulated("timed", { run_at: runAt });
  for (const task of [delayed, timed])
    expect(task).toMatchObject({
      status: "pending",
      phase: "scheduled",
      attempts: 0,
      next_attempt_at: task.run_at,
    });
  expect(Date.parse(delayed.run_at)).toBeGreaterThanOrEqual(submitted + 1_500);
  expect(timed.run_at).toBe(runAt);
  expect(await stack.show("delayed")).toMatchObject({ phase: "scheduled", next_attempt_at: delayed.run_at });
  expect(await schedules()).toContain(`sched.short.${await seqOf("delayed")}`);

  for (const { task_id: taskId, run_at: dueAt } of [delayed, timed]) {
    const task = await stack.untilEnded(taskId);
    expect(task).toMatchObject({ status: "completed", attempts: 1, next_attempt_at: null });
    expect(Date.parse(task.started_at)).toBeGreaterThanOrEqual(Date.parse(dueAt));
  }
  expect(await schedules()).toEqual([]);
});

test("of many tasks that are due at various times none starts before its own", async () => {
  const base = Date.now() + 500;
  await stack.submitAll(
    Array.from({ length: 20 }, (_, index) => ({
      ...{ task_id: `ordered-${index}`, task_type: "simulate", payload: { duration_ms: 0, failure_rate: 0 } },
      // Submitted in one order, due in another; the server fires what is due at most a quarter of a second late.
      run_at: new Date(base + ((index * 7) % 4) * 600).toISOString(),
    })),
  );
  await stack.untilNoneOpen("ordered-", 20_000);
  const rows = await stack.sql<{ early: number; tasks: number }[]>`
    select count(*)::integer as tasks, (count(*) filter (where o.started_at < t.run_at))::integer as early
    from outcomes o join tasks t using (seq) where t.task_id like 'ordered-%'`;
  expect([...rows]).toEqual([{ tasks: 20, early: 0 }]);
});

test("a time that has passed is now", async () => {
  const task = await simulated("past", { run_at: "2001-01-01T00:00:00Z" });
  expect(task).toMatchObject({ phase: "queued", next_attempt_at: null });
  expect(await stack.untilEnded("past")).toMatchObject({
    status: "completed",
    run_at: "2001-01-01T00:00:00.000Z",
  });
});

test("a time with an offset is the same moment in UTC", async () => {
  const task = await simulated("offset", { run_at: "2001-06-30T23:30:00+02:00" });
  expect(task.run_at).toBe("2001-06-30T21:30:00.000Z");
  await stack.untilEnded("offset");
});

test("what is due tomorrow stays in the database, and costs the stream nothing", async () => {
  const runAt = inMs(24 * 3_600_000);
  const task = await simulated("tomorrow", { run_at: runAt });
  expect(task).toMatchObject({ status: "pending", phase: "scheduled", next_attempt_at: runAt });
  expect(await stack.show("tomorrow")).toMatchObject({
    phase: "scheduled",
    next_attempt_at: runAt,
    attempts: 0,
  });
  // Whatever is published for it now would be published before what comes after it.
  await simulated("after-tomorrow", {});
  await stack.untilEnded("after-tomorrow");
  const { state } = await stack.bus.manager.streams.info("TASKS");
  expect(state.messages).toBe(0);
  await stack.call("POST", "/api/tasks/tomorrow/cancel");
});

test("a far-off task that has come near is handed to the stream, and runs at its time", async () => {
  await simulated("comes-near", { delay: 3_600 });
  expect(await schedules()).toEqual([]);
  // As if 59 minutes had passed: the same row, looked at by the scheduler when it starts.
  await stack.sql`
    update open_tasks set ready_at = clock_timestamp() + interval '12 seconds' where seq = ${await seqOf("comes-near")}`;
  process.kill(await stack.pidOf("scheduler"), "SIGTERM");
  const task = await stack.untilEnded("comes-near", 25_000);
  expect(task).toMatchObject({ status: "completed", attempts: 1 });
});

test("the same delayed task sent again is the same task, although its time would be later", async () => {
  const wish = { task_id: "again", task_type: "simulate", delay: 300, payload: { failure_rate: 0 } };
  const first = await stack.call("POST", "/api/tasks", wish);
  const second = await stack.call("POST", "/api/tasks", wish);
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.body.next_attempt_at).toBe(first.body.next_attempt_at);
  await stack.call("POST", "/api/tasks/again/cancel");
});
