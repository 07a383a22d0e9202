import { afterEach, beforeEach, expect, test } from "bun:test";
import type { LiveTask } from "@millrace/protocol";
import { type DueDispatch, EndTeller } from "@millrace/store";
import { end, submitShape } from "../../../support/graph-store.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
let published: DueDispatch[];
let told: LiveTask[];
let failures: unknown[];
let isDown: boolean;
beforeEach(async () => {
  store = await openTaskStore(4);
  published = [];
  told = [];
  failures = [];
  isDown = false;
}, 60_000);
afterEach(() => store.close());

function makeTeller(sql = store.sql): EndTeller {
  return new EndTeller({
    sql,
    publish: async (due) => {
      if (isDown) throw new Error("NATS is away");
      published.push(...due);
    },
    tell: (step) => void told.push(step),
    onFailure: (error) => void failures.push(error),
  });
}

const HOUR_AHEAD = () => new Date(Date.now() + 3_600_000).toISOString();

test("the released get their messages and are told of, those that fail are told of, those due later wait", async () => {
  const seqs = await submitShape(store.sql, { a: [], x: [], b: ["a"], y: ["x"] });
  await submitShape(store.sql, { later: ["a"] }, { run_at: HOUR_AHEAD() });
  await end(store.sql, [seqs.get("a") ?? 0]);
  await end(store.sql, [seqs.get("x") ?? 0], "dead");
  const teller = makeTeller();
  teller.nudge();
  await teller.drain();
  expect(published.map(({ dispatch }) => dispatch.task_id)).toEqual(["b"]);
  const steps = told.map(({ task_id, phase, attempt }) => [task_id, phase, attempt]);
  expect(steps.sort()).toEqual([
    ["b", "queued", 0],
    ["later", "scheduled", 0],
    ["y", "dead", 1],
  ]);
  expect(failures).toEqual([]);
});

test("asked many times while it works, it goes on until there is nothing to tell", async () => {
  const parents = Array.from({ length: 20 }, (_, n) => `p${n}`);
  const seqs = await submitShape(store.sql, {
    ...Object.fromEntries(parents.map((id) => [id, []])),
    ...Object.fromEntries(parents.map((id) => [`${id}-child`, [id]])),
  });
  const teller = makeTeller();
  for (const id of parents) {
    await end(store.sql, [seqs.get(id) ?? 0]);
    teller.nudge();
  }
  await teller.drain();
  expect(published).toHaveLength(20);
});

test("what cannot be published is reported, and stays due for the reconciler", async () => {
  const seqs = await submitShape(store.sql, { a: [], b: ["a"] });
  await end(store.sql, [seqs.get("a") ?? 0]);
  isDown = true;
  const teller = makeTeller();
  teller.nudge();
  await teller.drain();
  expect(failures).toHaveLength(1);
  expect(
    await store.sql`select seq from open_tasks where waiting_for = 0 and ready_at <= now()`,
  ).toHaveLength(1);
});

test("a database that is away is reported, and the next nudge tells everything", async () => {
  const seqs = await submitShape(store.sql, { a: [], b: ["a"] });
  await end(store.sql, [seqs.get("a") ?? 0]);
  await store.sql`alter table ended_parents rename to hidden`;
  const teller = makeTeller();
  teller.nudge();
  await teller.drain();
  expect(failures).toHaveLength(1);
  await store.sql`alter table hidden rename to ended_parents`;
  teller.nudge();
  await teller.drain();
  expect(published).toHaveLength(1);
});
