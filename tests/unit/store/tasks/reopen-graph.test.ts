import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cancelTask, cancelTasks, findTask, reopenTask, reopenTasks } from "@millrace/store";
import { newDice } from "../../../support/dice.ts";
import { advanceAll, end, phasesOf, type Shape, submitShape } from "../../../support/graph-store.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(10);
}, 60_000);
afterEach(() => store.close());

const wish = (seq: number) => ({ seq, redrivenBy: 7, delayMs: 0 });

/** Stores the graph, and has the first of it fail with all that hangs on it. */
async function failed(shape: Shape): Promise<(id: string) => number> {
  const seqs = await submitShape(store.sql, shape);
  const seqOf = (id: string) => seqs.get(id) ?? 0;
  await end(store.sql, [seqOf(Object.keys(shape)[0] ?? "")], "dead");
  await advanceAll(store.sql);
  return seqOf;
}

const SHAPE = { a: [], b: ["a"], c: ["b"], ok: [], d: ["c", "ok"] };

describe("one task", () => {
  test("comes back alone: what failed with it stays failed, also when it completes", async () => {
    const seqOf = await failed(SHAPE);
    expect(await reopenTask(store.sql, wish(seqOf("a")))).toBe(true);
    await end(store.sql, [seqOf("a")]);
    expect(await advanceAll(store.sql)).toMatchObject({ released: [], failed: [] });
    expect(await phasesOf(store.sql, ["a", "b"])).toEqual({ a: "done", b: "dead" });
  });

  test("does not come back while a task that it depends on is dead; afterwards it does, and runs", async () => {
    const seqOf = await failed(SHAPE);
    expect(await reopenTask(store.sql, wish(seqOf("b")))).toBe(false);
    await reopenTask(store.sql, wish(seqOf("a")));
    expect(await reopenTask(store.sql, wish(seqOf("b")))).toBe(true);
    expect((await findTask(store.sql, "b"))?.phase).toBe("waiting");
    await end(store.sql, [seqOf("a")]);
    expect((await advanceAll(store.sql)).released).toEqual([seqOf("b")]);
  });

  test("cancelled while it waited, comes back while its parent is ending: it is released once in any case", async () => {
    for (let round = 0; round < 30; round += 1) {
      const [p, c] = [`p${round}`, `c${round}`];
      const seqs = await submitShape(store.sql, { [p]: [], [c]: [p] });
      const [parent = 0, child = 0] = [...seqs.values()];
      await cancelTask(store.sql, child, "test");
      const ending = end(store.sql, [parent]).then(() => advanceAll(store.sql));
      await Promise.all([ending, reopenTask(store.sql, wish(child))]);
      await advanceAll(store.sql);
      expect((await findTask(store.sql, c))?.phase).toBe("queued");
    }
  });
});

describe("several tasks", () => {
  test("come back together: each waits for those that come with it, and all complete", async () => {
    const seqOf = await failed(SHAPE);
    const all = ["a", "b", "c", "d"].map(seqOf);
    expect(await reopenTasks(store.sql, { seqs: all, redrivenBy: 7 })).toEqual(all.toSorted((x, y) => x - y));
    expect(await phasesOf(store.sql, ["a", "b", "c", "d"])).toEqual({
      ...{ a: "queued", b: "waiting", c: "waiting", d: "waiting" },
    });
    for (const id of ["ok", "a", "b", "c", "d"]) {
      await end(store.sql, [seqOf(id)]);
      await advanceAll(store.sql);
    }
    expect(await phasesOf(store.sql, ["a", "b", "c", "d"])).toEqual({
      a: "done",
      b: "done",
      c: "done",
      d: "done",
    });
    expect(await store.sql`select 1 from task_edges where met is not true`).toHaveLength(0);
  });

  test("leave out whoever depends on a dead task that does not come, and whoever depends on that", async () => {
    const seqOf = await failed(SHAPE);
    const back = await reopenTasks(store.sql, { seqs: ["b", "c", "d"].map(seqOf), redrivenBy: 7 });
    expect(back).toEqual([]);
    expect(await phasesOf(store.sql, ["b", "c", "d"])).toEqual({ b: "dead", c: "dead", d: "dead" });
  });

  test("do not wait for a dead one, if they run anyway", async () => {
    const seqs = await submitShape(store.sql, { x: [] });
    const child = await submitShape(store.sql, { any: ["x"] }, { on_parent_failure: "run" });
    await cancelTask(store.sql, child.get("any") ?? 0, "test");
    await end(store.sql, [seqs.get("x") ?? 0], "dead");
    await advanceAll(store.sql);
    expect(await reopenTasks(store.sql, { seqs: [child.get("any") ?? 0], redrivenBy: 7 })).toHaveLength(1);
    expect((await findTask(store.sql, "any"))?.phase).toBe("queued");
  });

  test("brought back by five at once come back once, and nobody deadlocks", async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 100 }, (_, n) => [`n${n}`, n === 0 ? [] : [`n${n - 1}`]]),
    );
    const seqOf = await failed(chain);
    const seqs = Object.keys(chain).map(seqOf);
    const back = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        reopenTasks(store.sql, { seqs: n % 2 === 0 ? seqs : seqs.toReversed(), redrivenBy: 7 }),
      ),
    );
    expect(back.map(({ length }) => length).sort((a, b) => a - b)).toEqual([0, 0, 0, 0, 100]);
    expect((await findTask(store.sql, "n99"))?.phase).toBe("waiting");
  });

  test("that are cancelled, brought back and ended at random by three at once end up told of, all of them", async () => {
    const dice = newDice();
    const seqs = await submitShape(store.sql, SHAPE);
    const all = [...seqs.values()];
    const stir = async (): Promise<void> => {
      for (let round = 0; round < 15; round += 1) {
        if (dice.throw() < 0.4) await cancelTasks(store.sql, all.slice(0, 3), "test");
        await reopenTasks(store.sql, { seqs: all, redrivenBy: 7 });
        await advanceAll(store.sql);
      }
    };
    await Promise.all([stir(), stir(), stir()]);
    await advanceAll(store.sql);
    await reopenTasks(store.sql, { seqs: all, redrivenBy: 7 });
    for (let steps = 0; steps < 10; steps += 1) {
      const due = await store.sql<{ seq: number }[]>`select seq from open_tasks where waiting_for = 0`;
      if (due.length > 0)
        await end(
          store.sql,
          due.map(({ seq }) => seq),
        );
      await advanceAll(store.sql);
    }
    expect(await store.sql`select seq, waiting_for from open_tasks`).toHaveLength(0);
    expect(await phasesOf(store.sql, Object.keys(SHAPE))).toEqual({
      a: "done",
      b: "done",
      c: "done",
      ok: "done",
      d: "done",
    });
  });
});
