import { afterAll, beforeAll, expect, test } from "bun:test";
import { DEDUP_SWEEP_KEYS_MAX } from "@millrace/core/limits";
import { createLog } from "@millrace/observe";
import { KeySweeper } from "@millrace/scheduler/sweep-keys";
import { submitKeyed } from "@millrace/store";
import { newTask, openTaskStore, type TaskStore } from "../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());

const log = createLog({
  ...{ service: "scheduler", level: "CRITICAL", format: "json" },
  destination: { write: () => {}, flush: () => {} },
});
const count = async () => (await store.sql`select 1 from dedup_keys`).length;

test("a round that found much goes on at once, one that found little does not, and the walk begins again", async () => {
  const tasks = Array.from({ length: DEDUP_SWEEP_KEYS_MAX + 10 }, (_, index) =>
    newTask({ dedup: { kind: "dedup", key: `k${index}`, window_s: null } }),
  );
  await submitKeyed(store.sql, tasks);
  const sweeper = new KeySweeper({ sql: store.sql, log });
  expect([await sweeper.round(), await count()]).toEqual([false, tasks.length]); // All are held.
  await store.sql`delete from open_tasks`; // As if all had completed.
  expect([await sweeper.round(), await count()]).toEqual([false, DEDUP_SWEEP_KEYS_MAX]); // The rest of the walk.
  expect([await sweeper.round(), await count()]).toEqual([true, 0]);
  expect([await sweeper.round(), await count()]).toEqual([false, 0]);
});
