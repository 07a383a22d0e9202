import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { drainWorker, forgetDrains, isWorkerDrained, resumeWorker } from "@millrace/store";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate worker_drains`;
});

const drain = (workerId: string) => drainWorker(store.sql, { workerId, drainedBy: 1 });
const isDrained = (workerId: string) => isWorkerDrained(store.sql, workerId);

test("a worker is drained until it is resumed, however often somebody says so, and no other is", async () => {
  expect(await isDrained("w")).toBe(false);
  expect([await drain("w"), await drain("w")]).toEqual([true, false]);
  expect([await isDrained("w"), await isDrained("v")]).toEqual([true, false]);
  expect([await resumeWorker(store.sql, "w"), await resumeWorker(store.sql, "w")]).toEqual([true, false]);
  expect(await isDrained("w")).toBe(false);
});

test("only old drains of workers that nobody knows are forgotten", async () => {
  for (const workerId of ["old", "known", "new"]) await drain(workerId);
  await store.sql`
    update worker_drains set drained_at = now() - interval '91 days' where worker_id in ('old', 'known')`;
  expect(await forgetDrains(store.sql, { keptDays: 90, except: ["known"] })).toBe(1);
  expect([await isDrained("old"), await isDrained("known"), await isDrained("new")]).toEqual([
    false,
    true,
    true,
  ]);
});
