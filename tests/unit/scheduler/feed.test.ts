import { afterEach, beforeEach, expect, test } from "bun:test";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import { TASKS_STREAM } from "@millrace/protocol";
import { FEED_EVERY_MS, feed } from "@millrace/scheduler/feed";
import { cancelTask } from "@millrace/store";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { newTask, submitMany, submitOne } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
});
afterEach(() => it.close());

/** A task that was far off when it came, and is due in so many ms by now. */
async function comingIn(ms: number): Promise<number> {
  const seq = await submitOne(it.store.sql, { run_at: new Date(Date.now() + 86_400_000).toISOString() });
  await it.store.sql`
    update open_tasks set ready_at = clock_timestamp() + ${ms} * interval '1 millisecond' where seq = ${seq}`;
  return seq;
}

/** The subjects that hold messages. */
async function subjects(): Promise<readonly string[]> {
  const { state } = await it.under.bus.manager.streams.info(TASKS_STREAM, { subjects_filter: ">" });
  return Object.keys(state.subjects ?? {}).sort();
}

test("what comes near is scheduled under a subject of its own, once", async () => {
  const seq = await comingIn(60_000);
  expect(await feed(it.ports)).toBe(false);
  expect(await feed(it.ports)).toBe(false);
  expect(await subjects()).toEqual([`sched.short.${seq}`]);
  const message = await it.under.bus.manager.streams.getMessage(TASKS_STREAM, {
    last_by_subj: `sched.short.${seq}`,
  });
  expect(message?.json<unknown>()).toMatchObject({ seq, attempt: 1 });
  const at = message?.header.get("Nats-Schedule").replace("@at ", "") ?? "";
  expect(Date.parse(at) - Date.now()).toBeWithin(50_000, 60_001);
});

test("it looks two rounds further than the horizon, so that nothing falls between two of them", async () => {
  const last = await comingIn(SCHEDULE_HORIZON_MS + 2 * FEED_EVERY_MS - 5_000);
  await comingIn(SCHEDULE_HORIZON_MS + 2 * FEED_EVERY_MS + 60_000);
  await feed(it.ports);
  expect(await subjects()).toEqual([`sched.short.${last}`]);
});

test("what was cancelled, or has its message already, is left alone", async () => {
  await cancelTask(it.store.sql, await comingIn(60_000), "not wanted");
  await submitOne(it.store.sql, { run_at: new Date(Date.now() + 60_000).toISOString() }); // The api's to publish.
  await feed(it.ports);
  expect(await subjects()).toEqual([]);
});

test("two schedulers at once schedule each task once, at all levels", async () => {
  const run_at = new Date(Date.now() + 86_400_000).toISOString();
  const tasks = Array.from({ length: 1_000 }, (_, index) =>
    newTask({ run_at, lane: index % 2 === 0 ? "short" : "long", priority: 1 + (index % 10) }),
  );
  await submitMany(it.store.sql, tasks);
  await it.store.sql`update open_tasks set ready_at = clock_timestamp() + interval '5 minutes'`;
  await Promise.all([feed(it.ports), feed(it.ports)]);
  expect(await subjects()).toHaveLength(1_000);
});
