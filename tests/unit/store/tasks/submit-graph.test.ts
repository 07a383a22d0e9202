import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { findTask, loadDispatches, openPool, submitGraph, submitTasks } from "@millrace/store";
import { advanceAll, end, phasesOf, submitShape, tasksOf, trySubmit } from "../../../support/graph-store.ts";
import { untilTrue } from "../../../support/running-stack.ts";
import { newTask, openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(10);
}, 60_000);
afterEach(() => store.close());

describe("a child", () => {
  test("of tasks that have completed is due at once; of one that is open it waits for that one", async () => {
    const seqs = await submitShape(store.sql, { done: [], open: [] });
    await end(store.sql, [seqs.get("done") ?? 0]);
    const answers = await trySubmit(store.sql, tasksOf({ a: ["done"], b: ["done", "open"] }));
    expect(answers.map((answer) => (answer.kind === "stored" ? answer.waitingFor : -1))).toEqual([0, 1]);
    expect(await phasesOf(store.sql, ["a", "b"])).toEqual({ a: "queued", b: "waiting" });
  });

  test("of a task that has failed already fails when its end is told, or runs, if it does so anyway", async () => {
    const seqs = await submitShape(store.sql, { dead: [] });
    await end(store.sql, [seqs.get("dead") ?? 0], "dead");
    await submitShape(store.sql, { a: ["dead"], below: ["a"] });
    await submitShape(store.sql, { b: ["dead"] }, { on_parent_failure: "run" });
    await advanceAll(store.sql);
    expect(await phasesOf(store.sql, ["a", "below", "b"])).toEqual({ a: "dead", below: "dead", b: "queued" });
  });

  test("is stored after a parent that is just ending has ended, and never waits for it in vain", async () => {
    for (let round = 0; round < 30; round += 1) {
      const [parent = 0] = [...(await submitShape(store.sql, { [`p${round}`]: [] })).values()];
      await Promise.all([end(store.sql, [parent]), submitShape(store.sql, { [`c${round}`]: [`p${round}`] })]);
      await advanceAll(store.sql);
      expect(await phasesOf(store.sql, [`c${round}`])).toEqual({ [`c${round}`]: "queued" });
    }
  });

  test("that is being stored holds its parent's end back, not its claim nor another child", async () => {
    const [parent = 0] = [...(await submitShape(store.sql, { p: [], c0: ["p"] })).values()];
    const slow = openPool({ url: store.url, max: 1, applicationName: "slow", isByKey: true });
    const held = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    const submitting = slow.begin(async (transaction) => {
      await submitGraph(transaction, {
        tasks: tasksOf({ c1: ["p"] }),
        refused: new Set(),
        isSame: () => true,
      });
      stored.resolve();
      await held.promise;
    });
    await stored.promise;
    await submitShape(store.sql, { c2: ["p"] });
    let isEnded = false;
    const ending = end(store.sql, [parent]).then(() => {
      isEnded = true;
    });
    await untilTrue(async () => {
      const rows = await store.sql`
        select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      return rows.length === 1;
    }, 30_000);
    expect(isEnded).toBe(false);
    held.resolve();
    await submitting;
    await ending;
    await slow.end({ timeout: 1 });
    await advanceAll(store.sql);
    expect(await phasesOf(store.sql, ["c1", "c2"])).toEqual({ c1: "queued", c2: "queued" });
  });

  test("says in its message that there are results to be filled in, when there are", async () => {
    await submitShape(store.sql, { p: [] });
    const payload = { x: "{{tasks.p.result}}" };
    const seqs = await submitShape(store.sql, { c: ["p"] }, { payload });
    await submitShape(store.sql, { plain: ["p"] });
    await end(
      store.sql,
      [...(await store.sql<{ seq: number }[]>`select seq from open_tasks where waiting_for = 0`)].map(
        ({ seq }) => seq,
      ),
    );
    const { released } = await advanceAll(store.sql);
    const due = await loadDispatches(store.sql, released);
    expect(due.map(({ dispatch }) => [dispatch.task_id, dispatch.has_templates ?? false])).toEqual([
      ["c", true],
      ["plain", false],
    ]);
    expect((await findTask(store.sql, "c"))?.payload).toEqual(payload);
    expect(seqs.size).toBe(1);
  });
});

describe("refused", () => {
  test("is what names an unknown task, or another owner's; the others are stored", async () => {
    await submitTasks(store.sql, [newTask({ task_id: "theirs", owner_id: 2 })]);
    const answers = await trySubmit(store.sql, tasksOf({ a: ["nobody"], b: ["theirs"], c: ["b"], d: [] }));
    expect(answers.map((answer) => (answer.kind === "refused" ? answer.problem : answer.kind))).toEqual([
      { kind: "unknown", ids: ["nobody"] },
      { kind: "unknown", ids: ["theirs"] },
      { kind: "parent_refused", id: "b" },
      "stored",
    ]);
    expect(await store.sql`select task_id from task_keys order by 1`).toEqual([
      { task_id: "d" },
      { task_id: "theirs" },
    ] as never);
    expect(await store.sql`select 1 from tasks`).toHaveLength(2);
  });

  test("is a child of an item that was refused before, and of one whose id belongs to another task", async () => {
    await submitTasks(store.sql, [newTask({ task_id: "taken" })]);
    const tasks = tasksOf({ taken: [], a: ["taken"], b: ["bad"] });
    const answers = await store.sql.begin((transaction) =>
      submitGraph(transaction, { tasks, refused: new Set(["bad"]), isSame: () => false }),
    );
    expect(answers.map((answer) => (answer.kind === "refused" ? answer.problem : answer.kind))).toEqual([
      "taken",
      { kind: "parent_refused", id: "taken" },
      { kind: "parent_refused", id: "bad" },
    ]);
  });

  test("of one id twice in a batch the first counts", async () => {
    const [first] = tasksOf({ a: [] });
    const [second] = tasksOf({ a: ["b"] });
    const [third] = tasksOf({ b: ["a"] });
    const answers = await trySubmit(
      store.sql,
      [first, second, third].flatMap((task) => task ?? []),
    );
    expect(answers.map(({ kind }) => kind)).toEqual(["stored", "taken", "stored"]);
  });
});

test("the same batch from ten at once is stored once, and nobody deadlocks", async () => {
  const shape = Object.fromEntries(
    Array.from({ length: 200 }, (_, n) => [`n${n}`, n === 0 ? [] : [`n${Math.floor(n / 2)}`]]),
  );
  const tasks = tasksOf(shape);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => trySubmit(store.sql, n % 2 === 0 ? tasks : tasks.toReversed())),
  );
  const stored = answers.map((all) => all.filter(({ kind }) => kind === "stored").length);
  expect(stored.sort((a, b) => a - b)).toEqual([...Array.from({ length: 9 }, () => 0), 200]);
  expect(answers.flat().some(({ kind }) => kind === "refused")).toBe(false);
});

test("payloads that no text column could hold go in like all others", async () => {
  const payload = { text: "\0 \ud800", fine: "ä" };
  await submitShape(store.sql, { p: [] }, { payload });
  expect((await findTask(store.sql, "p"))?.payload).toEqual(payload);
});
