import { afterEach, beforeEach, expect, test } from "bun:test";
import { openControlBucket, readToldPauses, tellPause } from "@millrace/bus";
import { TASKS_STREAM } from "@millrace/protocol";
import { unpark } from "@millrace/scheduler/unpark";
import { findTask, parkTasks, pauseQueue, resumeQueue } from "@millrace/store";
import { LEVEL, pullAll, seqsOf } from "../../support/bus.ts";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { newTask, submitMany } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
}, 60_000);
afterEach(() => it?.close());

const pause = (name: string) => pauseQueue(it.store.sql, { name, pausedBy: 1, reason: null });
const messages = async () => (await it.under.bus.manager.streams.info(TASKS_STREAM)).state.messages;

async function park(taskType: string, count: number): Promise<readonly number[]> {
  const tasks = Array.from({ length: count }, (_, index) =>
    newTask({ task_type: taskType, task_id: `${taskType}-${index}` }),
  );
  const seqs = await submitMany(it.store.sql, tasks);
  await pause(taskType);
  await parkTasks(
    it.store.sql,
    seqs.map((seq) => ({ seq, attempt: 1, taskType })),
  );
  return seqs;
}

test("what was parked goes on when its pause has ended, in order, and what is still paused stays", async () => {
  const seqs = await park("resumed", 30);
  await park("paused", 5);
  expect(await unpark(it.ports)).toBeFalse();
  expect(await messages()).toBe(0);
  await resumeQueue(it.store.sql, "resumed");
  expect(await unpark(it.ports)).toBeFalse();
  expect(seqsOf(await pullAll(it.under.bus, LEVEL, 30))).toEqual([...seqs]);
  expect(await findTask(it.store.sql, "paused-0")).toMatchObject({ phase: "parked", attempts: 0 });
  expect(await findTask(it.store.sql, "resumed-0")).toMatchObject({ phase: "queued" });
});

test("two schedulers bring each task back once", async () => {
  await park("shared", 100);
  await resumeQueue(it.store.sql, "shared");
  await Promise.all([unpark(it.ports), unpark(it.ports), unpark(it.ports)]);
  expect(await messages()).toBe(100);
});

test("the bucket is made to say what the database says, and made anew when it is gone", async () => {
  await tellPause(await openControlBucket(it.under.bus), { name: "gone", paused_at: "", reason: null });
  await pause("short");
  await unpark(it.ports);
  expect([...((await readToldPauses(it.under.bus)) ?? [])]).toEqual(["short"]);
  await it.under.bus.manager.streams.delete("KV_control");
  await unpark(it.ports);
  expect([...((await readToldPauses(it.under.bus)) ?? [])]).toEqual(["short"]);
});
