import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  claimAttempts,
  findTask,
  listAttempts,
  listTasks,
  loadDispatches,
  makePartitions,
  settleAttempts,
} from "@millrace/store";
import { completion, death, openTaskStore, submitOne, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(8);
});
afterEach(() => store.close());

/** Ids as if the clock stood that many days ahead, where no partition is. */
async function jumpClock(days: number): Promise<void> {
  await store.sql.unsafe(`create or replace function next_task_seq() returns bigint language sql volatile as
    'select seq_at(now() + interval ''${days} days'') + nextval(''task_seq'')'`);
}

async function defaultRows(): Promise<unknown> {
  const [row] = await store.sql`select (select count(*)::int from tasks_default) as tasks,
    (select count(*)::int from outcomes_default) as outcomes`;
  return row;
}

test("a task of a day without partition lives its whole life", async () => {
  await jumpClock(400);
  const seq = await submitOne(store.sql, { task_id: "far" });
  expect(await loadDispatches(store.sql, [seq])).toHaveLength(1);
  expect(await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }])).toEqual([{ kind: "claimed" }]);
  await settleAttempts(store.sql, "w~1", [death(seq)]);
  expect(await findTask(store.sql, "far")).toMatchObject({ phase: "dead", seq });
  expect(await listTasks(store.sql, { ownerId: null, status: "failed", limit: 10, offset: 0 })).toHaveLength(
    1,
  );
  expect(await listAttempts(store.sql, seq)).toHaveLength(1);
  expect(await defaultRows()).toEqual({ tasks: 1, outcomes: 1 });
});

test("making partitions again makes none, and the coming days are there", async () => {
  await makePartitions(store.sql, 14);
  expect(await makePartitions(store.sql, 14)).toBe(0);
  await jumpClock(12);
  await submitOne(store.sql);
  expect(await defaultRows()).toEqual({ tasks: 0, outcomes: 0 });
});

test("a day whose rows went to the default partition keeps them there, and the other days get theirs", async () => {
  await jumpClock(10);
  const seq = await submitOne(store.sql, { task_id: "jumped" });
  await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
  await settleAttempts(store.sql, "w~1", [completion(seq)]);
  await makePartitions(store.sql, 14);
  expect(await makePartitions(store.sql, 14)).toBe(0);
  expect(await defaultRows()).toEqual({ tasks: 1, outcomes: 1 });
  expect(await findTask(store.sql, "jumped")).toMatchObject({ phase: "done" });
  await jumpClock(12);
  await submitOne(store.sql);
  expect(await defaultRows()).toEqual({ tasks: 1, outcomes: 1 });
});

test("several that make them at once make each once, and none fails", async () => {
  const made = await Promise.all(Array.from({ length: 6 }, () => makePartitions(store.sql, 20)));
  expect(made.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  expect(await makePartitions(store.sql, 20)).toBe(0);
});
