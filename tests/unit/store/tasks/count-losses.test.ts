import { afterEach, beforeEach, expect, test } from "bun:test";
import { claimAttempts, countLosses, loseClaims, settleAttempts } from "@millrace/store";
import { openTaskStore, submitOne, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore();
});
afterEach(() => store.close());

const claim = (seq: number, attempt: number) => claimAttempts(store.sql, "w~1", [{ seq, attempt }]);

test("a task that has run well, or not at all, has lost nothing", async () => {
  await submitOne(store.sql, { task_id: "new" });
  expect(await countLosses(store.sql, "new")).toBe(0);
  expect(await countLosses(store.sql, "no such")).toBe(0);
});

test("attempts lost with a worker or a thread count, failures and returns do not, nor do another's", async () => {
  const seq = await submitOne(store.sql, { task_id: "file" });
  const other = await submitOne(store.sql, { task_id: "other" });
  await claim(seq, 1);
  await claim(other, 1);
  await loseClaims(store.sql, "w~1");
  for (const [attempt, code] of [
    [2, "THREAD_DIED"],
    [3, "MEMORY_EXCEEDED"],
    [4, "TIMEOUT"],
  ] as const) {
    await claim(seq, attempt);
    await settleAttempts(store.sql, "w~1", [
      { seq, attempt, kind: "failed", error_code: code, error_message: "it failed", delay_ms: 0 },
    ]);
  }
  await claim(seq, 5);
  await settleAttempts(store.sql, "w~1", [{ seq, attempt: 5, kind: "returned", delay_ms: 0 }]);
  expect(await countLosses(store.sql, "file")).toBe(3);
  expect(await countLosses(store.sql, "other")).toBe(1);
});
