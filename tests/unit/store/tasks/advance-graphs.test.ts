import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  cancelTask,
  findTask,
  listDeadLetters,
  loadDispatches,
  loseClaims,
  settleAttempts,
  takeUnpublished,
} from "@millrace/store";
import { newDice } from "../../../support/dice.ts";
import { advanceAll, end, phasesOf, submitShape } from "../../../support/graph-store.ts";
import { untilTrue } from "../../../support/running-stack.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(12);
}, 60_000);
afterEach(() => store.close());

const DIAMOND = { d: ["b", "c"], b: ["a"], c: ["a"], a: [] };

describe("released", () => {
  test("a diamond runs from top to bottom, each child once all of its parents have completed", async () => {
    const seqs = await submitShape(store.sql, DIAMOND);
    const [a = 0, b = 0, c = 0, d = 0] = ["a", "b", "c", "d"].map((id) => seqs.get(id));
    expect(await phasesOf(store.sql, ["a", "b", "c", "d"])).toEqual({
      ...{ a: "queued", b: "waiting", c: "waiting", d: "waiting" },
    });
    await end(store.sql, [a]);
    expect((await advanceAll(store.sql)).released).toEqual([b, c].sort((x, y) => x - y));
    await end(store.sql, [b]);
    expect((await advanceAll(store.sql)).released).toEqual([]);
    expect((await findTask(store.sql, "d"))?.phase).toBe("waiting");
    await end(store.sql, [c]);
    expect((await advanceAll(store.sql)).released).toEqual([d]);
    expect((await loadDispatches(store.sql, [d])).map(({ dispatch }) => dispatch.attempt)).toEqual([1]);
  });

  test("by two parents that end at the same moment: once, whoever tells first, in each of 40 rounds", async () => {
    for (let round = 0; round < 40; round++) {
      const shape = { [`x${round}`]: [], [`y${round}`]: [], [`z${round}`]: [`x${round}`, `y${round}`] };
      const seqs = await submitShape(store.sql, shape);
      const [x = 0, y = 0, z = 0] = [...seqs.values()];
      const ends = async (seq: number) => {
        await end(store.sql, [seq]);
        return (await advanceAll(store.sql)).released;
      };
      const released = (await Promise.all([ends(x), ends(y)])).flat();
      released.push(...(await advanceAll(store.sql)).released);
      expect(released).toEqual([z]);
      expect((await findTask(store.sql, `z${round}`))?.phase).toBe("queued");
    }
  });

  test("1 000 children by one parent and one child by 1 000 parents: in one round each", async () => {
    const middle = Array.from({ length: 1_000 }, (_, n) => `m${n}`);
    const shape = { top: [], ...Object.fromEntries(middle.map((id) => [id, ["top"]])), bottom: middle };
    const seqs = await submitShape(store.sql, shape);
    await end(store.sql, [seqs.get("top") ?? 0]);
    const out = await advanceAll(store.sql);
    expect([out.released.length, out.rounds]).toEqual([1_000, 1]);
    for (let from = 0; from < 1_000; from += 500) await end(store.sql, out.released.slice(from, from + 500));
    const into = await advanceAll(store.sql);
    expect([into.released, into.rounds]).toEqual([[seqs.get("bottom") ?? 0], 2]);
  });

  test("at its own time, when that lies further off than the end of its parents", async () => {
    const runAt = new Date(Date.now() + 3_600_000).toISOString();
    const seqs = await submitShape(store.sql, { a: [] });
    await submitShape(store.sql, { later: ["a"] }, { run_at: runAt });
    await end(store.sql, [seqs.get("a") ?? 0]);
    expect((await advanceAll(store.sql)).released).toHaveLength(1);
    const task = await findTask(store.sql, "later");
    expect([task?.phase, task?.nextAttemptAt?.toISOString()]).toEqual(["scheduled", runAt]);
  });

  test("and not before: what waits is never taken for a task that lost its message", async () => {
    await submitShape(store.sql, DIAMOND);
    const taken = await takeUnpublished(store.sql, {
      level: { lane: "short", priority: 5 },
      dueBefore: new Date(Date.now() + 3_600_000),
      limit: 100,
    });
    expect(taken).toHaveLength(1);
  });

  test("after a process that was killed in between: the next one finds everything as it was", async () => {
    const seqs = await submitShape(store.sql, { a: [], b: ["a"] });
    await end(store.sql, [seqs.get("a") ?? 0]);
    await store.sql.begin(async (transaction) => {
      await transaction`select 1 from open_tasks where seq = ${seqs.get("b") ?? 0} for update`;
      const script = join(import.meta.dirname, "../../../support/advance-child.ts");
      const child = Bun.spawn([process.execPath, script, store.url], { stderr: "inherit" });
      await untilTrue(async () => (await childsLocks()) === 1, 30_000);
      expect((await advanceAll(store.sql)).released).toEqual([]); // It holds what it took.
      child.kill("SIGKILL");
      await child.exited;
    });
    await untilTrue(async () => (await childsLocks()) === null, 30_000);
    expect((await advanceAll(store.sql)).released).toEqual([seqs.get("b") ?? 0]);
  });
});

/** How many locks the child's session waits for; null when it is gone. */
async function childsLocks(): Promise<number | null> {
  const [row] = await store.sql<{ waits: number }[]>`
    select coalesce(wait_event_type = 'Lock', false)::integer as waits from pg_stat_activity
    where application_name = 'advance-child' and datname = current_database()`;
  return row === undefined ? null : row.waits;
}

describe("failed with a parent", () => {
  const error = (parent: string) => ({
    code: "DEPENDENCY_FAILED",
    message: `it depends on ${parent}, which did not complete`,
  });

  test("all descendants of a dead task, each naming a parent, with an outcome and no dead letter of its own", async () => {
    const seqs = await submitShape(store.sql, { a: [], b: ["a"], c: ["b"], other: [] });
    await end(store.sql, [seqs.get("a") ?? 0], "dead");
    expect((await advanceAll(store.sql)).failed).toEqual(["b", "c"]);
    expect(await findTask(store.sql, "b")).toMatchObject({
      ...{ phase: "dead", status: "failed", attempts: 0, error: error("a") },
    });
    expect(await findTask(store.sql, "c")).toMatchObject({ phase: "dead", error: error("b") });
    expect((await findTask(store.sql, "other"))?.phase).toBe("queued");
    const letters = await listDeadLetters(store.sql, { ownerId: null, limit: 10 });
    expect(letters.map(({ taskId }) => taskId)).toEqual(["a"]);
    expect(await store.sql`select * from ended_parents`).toHaveLength(0);
  });

  test("of a cancelled one, and of one that killed its workers", async () => {
    const seqs = await submitShape(store.sql, { a: [], b: ["a"], x: [], y: ["x"] });
    await cancelTask(store.sql, seqs.get("a") ?? 0, "not wanted");
    await store.sql`update open_tasks set losses = 5, attempt = 1, claimed_by = 'w~1', claimed_at = now() where seq = ${seqs.get("x") ?? 0}`;
    await loseClaims(store.sql, "w~1");
    expect((await advanceAll(store.sql)).failed.sort()).toEqual(["b", "y"]);
  });

  test("but whoever runs anyway is released, and so is what depends on it", async () => {
    const seqs = await submitShape(store.sql, { a: [], ok: [] });
    const careless = await submitShape(store.sql, { tidy: ["a", "ok"] }, { on_parent_failure: "run" });
    await submitShape(store.sql, { after: ["tidy"] });
    await end(store.sql, [seqs.get("a") ?? 0], "dead");
    expect(await advanceAll(store.sql)).toMatchObject({ released: [], failed: [] });
    await end(store.sql, [seqs.get("ok") ?? 0]);
    expect((await advanceAll(store.sql)).released).toEqual([careless.get("tidy") ?? 0]);
    expect((await findTask(store.sql, "after"))?.phase).toBe("waiting");
  });

  test("a chain of 10 000: in a few rounds, none left out", async () => {
    const shape = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, n) => [`n${n}`, n === 0 ? [] : [`n${n - 1}`]]),
    );
    const seqs = await submitShape(store.sql, shape);
    await end(store.sql, [seqs.get("n0") ?? 0], "dead");
    const { failed, rounds } = await advanceAll(store.sql);
    expect(failed).toHaveLength(9_999);
    expect(new Set(failed).size).toBe(9_999);
    expect(rounds).toBeLessThan(30);
    const [open] = await store.sql`select count(*)::int as count from open_tasks`;
    expect(open).toEqual({ count: 0 });
  }, 60_000);
});

test("random graphs, ended by four at once in groups with some failures: each task ends as its parents say", async () => {
  const dice = newDice();
  for (let round = 0; round < 5; round++) {
    const size = dice.between(20, 150);
    const ids = Array.from({ length: size }, (_, n) => `g${round}-${n}`);
    const shape = Object.fromEntries(
      ids.map((id, n) => {
        const parents = new Set(
          Array.from({ length: Math.min(n, dice.between(0, 4)) }, () => dice.between(0, n - 1)),
        );
        return [id, [...parents].map((parent) => ids[parent] ?? "")];
      }),
    );
    // In any order: children come before their parents as well.
    const shuffled = Object.fromEntries(Object.entries(shape).sort(() => dice.throw() - 0.5));
    const seqs = await submitShape(store.sql, shuffled);
    const fails = new Set(ids.filter(() => dice.throw() < 0.03));
    await runAll(seqs, fails);
    const expected: Record<string, string> = {};
    for (const id of ids) {
      const isHit = (shape[id] ?? []).some((parent) => expected[parent] === "dead");
      expected[id] = isHit || fails.has(id) ? "dead" : "done";
    }
    expect(await phasesOf(store.sql, ids)).toEqual(expected);
    expect(
      await store.sql`select 1 from task_edges where met is null and parent = any(${[...seqs.values()]}::bigint[])`,
    ).toHaveLength(0);
    expect(await store.sql`select * from ended_parents`).toHaveLength(0);
  }
}, 120_000);

/** Four workers that each take what is due, end it, and tell. */
async function runAll(seqs: ReadonlyMap<string, number>, fails: ReadonlySet<string>): Promise<void> {
  const failing = new Set([...fails].map((id) => seqs.get(id)));
  const all = [...seqs.values()];
  const work = async (): Promise<void> => {
    for (;;) {
      const due = await store.sql<{ seq: number }[]>`
        update open_tasks set claimed_by = 'w~x', claimed_at = now(), attempt = attempt + 1 where seq in (
          select seq from open_tasks where waiting_for = 0 and claimed_by is null and seq = any(${all}::bigint[])
          order by seq limit 7 for update skip locked) returning seq`;
      if (due.length > 0) {
        await settleAttempts(
          store.sql,
          "w~x",
          due.map(({ seq }) =>
            failing.has(seq)
              ? { seq, attempt: 1, kind: "dead", error_code: "BOOM", error_message: "" }
              : { seq, attempt: 1, kind: "completed", result: null },
          ),
        );
      }
      await advanceAll(store.sql);
      const [open] = await store.sql`select 1 from open_tasks where seq = any(${all}::bigint[]) limit 1`;
      if (open === undefined) return;
    }
  };
  await Promise.all([work(), work(), work(), work()]);
}
