import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { breakerName, limitName } from "@millrace/core";
import {
  cancelTask,
  claimAttempts,
  findTask,
  holdTasks,
  listHoldingNames,
  loadDispatches,
  settleAttempts,
  takeHeld,
  takeProbe,
} from "@millrace/store";
import {
  completion,
  failure,
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys`;
});

const NAME = breakerName("https://api.example.org");
const hold = (seqs: readonly number[], name = NAME, attempt = 1) =>
  holdTasks(
    store.sql,
    seqs.map((seq) => ({ seq, attempt, name })),
  );
const claim = (seq: number, attempt = 1) => claimAttempts(store.sql, "w~a", [{ seq, attempt }]);

test("what is held is parked, uses up no attempt and gets no message; a second message of it changes nothing", async () => {
  const seq = await submitOne(store.sql, { task_id: "held" });
  expect(await hold([seq])).toEqual(["held"]);
  expect(await hold([seq])).toEqual(["held"]);
  expect(await findTask(store.sql, "held")).toMatchObject({
    phase: "parked",
    attempts: 0,
    nextAttemptAt: null,
  });
  expect(await loadDispatches(store.sql, [seq])).toEqual([]);
  expect(await takeHeld(store.sql, NAME, 10)).toEqual([seq]);
  expect(await takeHeld(store.sql, NAME, 10)).toEqual([]);
  expect(await findTask(store.sql, "held")).toMatchObject({ phase: "queued", attempts: 0 });
  expect(await loadDispatches(store.sql, [seq])).toMatchObject([{ dispatch: { attempt: 1 } }]);
});

test("what runs, has ended or is past the attempt is not held, and says which", async () => {
  const [running, ended, past] = await submitMany(
    store.sql,
    ["a", "b", "c"].map((task_id) => newTask({ task_id })),
  );
  if (running === undefined || ended === undefined || past === undefined) throw new Error("not submitted");
  for (const seq of [running, ended, past]) await claim(seq);
  await settleAttempts(store.sql, "w~a", [completion(ended), failure(past)]);
  expect(await hold([running, ended, past])).toEqual(["claimed", "stale", "stale"]);
  expect(await hold([past], NAME, 2)).toEqual(["held"]);
});

test("a held task can be cancelled, and does not come back", async () => {
  const seq = await submitOne(store.sql, { task_id: "unwanted" });
  await hold([seq]);
  await cancelTask(store.sql, seq, "not needed any more");
  expect(await takeHeld(store.sql, NAME, 10)).toEqual([]);
});

test("the most urgent go first; two who take at once get different ones", async () => {
  const tasks = [3, 9, 3, 9, 5].map((priority, index) => newTask({ task_id: `t${index}`, priority }));
  const seqs = await submitMany(store.sql, tasks);
  await hold(seqs);
  const inOrder = [1, 3, 4, 0, 2].map((index) => seqs[index] ?? 0);
  const first = await takeHeld(store.sql, NAME, 2);
  expect(first).toEqual(inOrder.slice(0, 2));
  const [one, other] = await Promise.all([takeHeld(store.sql, NAME, 2), takeHeld(store.sql, NAME, 2)]);
  expect(new Set([...first, ...one, ...other]).size).toBe(first.length + one.length + other.length);
});

test("the probe is the one of the most urgent that was tried least: none keeps a host shut for all others", async () => {
  const [poison, fresh] = await submitMany(store.sql, [
    newTask({ task_id: "a", priority: 9 }),
    newTask({ task_id: "b" }),
  ]);
  if (poison === undefined || fresh === undefined) throw new Error("not submitted");
  await claim(poison);
  await settleAttempts(store.sql, "w~a", [{ seq: poison, attempt: 1, kind: "returned", delay_ms: 0 }]);
  await hold([poison], NAME, 2);
  await hold([fresh]);
  expect(await takeProbe(store.sql, NAME)).toEqual([fresh]);
  expect(await takeProbe(store.sql, NAME)).toEqual([poison]);
  expect(await takeProbe(store.sql, NAME)).toEqual([]);
});

test("the names that hold tasks are listed, in order and from a name on; a paused type is none of them", async () => {
  const names = [limitName("tenant", "acme"), NAME, limitName("host", "http://127.0.0.1:1"), "simulate"];
  const seqs = await submitMany(
    store.sql,
    names.map((_, index) => newTask({ task_id: `t${index}` })),
  );
  for (const [index, name] of names.entries()) await hold([seqs[index] ?? 0], name);
  const listed = names.filter((name) => name.includes(":")).toSorted();
  expect(await listHoldingNames(store.sql)).toEqual(listed);
  expect(await listHoldingNames(store.sql, listed[0])).toEqual(listed.slice(1));
});

test("with 100 000 held tasks a portion is found in the index, without reading or sorting the others", async () => {
  await store.sql`
    insert into open_tasks (seq, lane, priority, ready_at, parked_for)
    select n, 'short', 1 + n % 10, 'infinity', ${NAME} from generate_series(1, 100000) n`;
  const rows = await store.sql<{ "QUERY PLAN": string }[]>`
    explain (analyze, buffers) select seq from open_tasks where parked_for = ${NAME}
    order by priority desc, seq limit 100 for update skip locked`;
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("open_tasks_parked");
  expect(plan).not.toContain("Sort");
  const seqs = await takeHeld(store.sql, NAME, 100);
  expect(seqs.every((seq) => seq % 10 === 9)).toBe(true);
});
