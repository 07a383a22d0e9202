import { afterEach, beforeEach, expect, test } from "bun:test";
import { cancelTask, claimAttempts, takeUnpublished } from "@millrace/store";
import {
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(8);
});
afterEach(() => store.close());

const LEVEL = { lane: "short", priority: 5 } as const;
const aMinuteAgo = () => new Date(Date.now() - 60_000);
const soon = () => new Date(Date.now() + 60_000);
const take = (limit = 1_000, dueBefore = aMinuteAgo()) =>
  takeUnpublished(store.sql, { level: LEVEL, dueBefore, limit });

/** As if they had been submitted and published an hour ago. */
async function age(): Promise<void> {
  await store.sql`update open_tasks set ready_at = ready_at - interval '1 hour', published_at = null`;
}

test("callers at the same moment take different tasks, and together all of them", async () => {
  const seqs = await submitMany(
    store.sql,
    Array.from({ length: 600 }, () => newTask()),
  );
  await age();
  const taken = await Promise.all(Array.from({ length: 6 }, () => take(100)));
  expect(taken.flat().sort((a, b) => a - b)).toEqual([...seqs]);
});

test("what was taken is not taken again before its time has come once more", async () => {
  const seq = await submitOne(store.sql);
  await age();
  expect(await take()).toEqual([seq]);
  expect(await take()).toEqual([]);
  expect(await take(10, soon())).toEqual([seq]);
});

test("what is claimed, ended, not due, or of another level is left alone", async () => {
  const [claimed = 0, cancelled = 0] = await submitMany(store.sql, [
    newTask(),
    newTask(),
    newTask({ priority: 6 }),
    newTask({ lane: "long" }),
    newTask({ run_at: "2100-01-01T00:00:00Z" }),
  ]);
  await age();
  await claimAttempts(store.sql, "w~1", [{ seq: claimed, attempt: 1 }]);
  await cancelTask(store.sql, cancelled, "not wanted");
  expect(await take()).toEqual([]);
});

test("the oldest come first", async () => {
  const seqs = await submitMany(store.sql, [newTask(), newTask(), newTask()]);
  await age();
  await store.sql`update open_tasks set ready_at = ready_at - interval '1 hour' where seq = ${seqs[2] ?? 0}`;
  expect(await take(1)).toEqual(seqs.slice(2));
});
