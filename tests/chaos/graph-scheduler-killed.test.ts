import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, startChaos } from "../support/chaos.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";

const TASKS = 4_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "kill -9 of the scheduler, twice, and of two workers: a graph of 4 000 completes, each task once and after its parents",
  async () => {
    const dice = newDice();
    const wishes = Array.from({ length: TASKS }, (_, index) => {
      const parents = new Set(
        Array.from({ length: Math.min(index, dice.between(0, 3)) }, () =>
          dice.between(Math.max(0, index - 200), index - 1),
        ),
      );
      return {
        task_id: `n-${index}`,
        task_type: "simulate",
        payload: { duration_ms: dice.between(0, 10), failure_rate: 0 },
        dependencies: [...parents].map((parent) => `n-${parent}`),
      };
    });
    const { status, body } = await chaos.stack.call("POST", "/api/tasks/batch?atomic=true", wishes);
    expect([status, body.accepted]).toEqual([200, TASKS]);
    await chaos.untilEnded(dice.between(100, 700));
    await chaos.crash("scheduler");
    await chaos.untilEnded(dice.between(800, 1_500));
    await chaos.kill9("worker-2"); // Some of its tasks are settled, and their children not told of.
    await chaos.kill9("scheduler"); // Nobody sees that death for a while.
    await chaos.untilEnded(dice.between(1_600, 2_500));
    await chaos.crash("worker");
    await chaos.untilEnded(TASKS, 90_000);
    await expectOnceInOrder(wishes);
    await untilTrue(async () => (await chaos.sql`select 1 from ended_parents limit 1`).length === 0, 30_000);
    expect(await chaos.sql`select 1 from task_edges where met is not true limit 1`).toHaveLength(0);
  },
  CHAOS_TEST_MS,
);

interface Wish {
  readonly task_id: string;
  readonly dependencies: readonly string[];
}

/** An attempt that was lost with its worker is followed by another; completed is exactly one of them. */
async function expectOnceInOrder(wishes: readonly Wish[]): Promise<void> {
  const rows = await chaos.sql<{ id: string; kind: string; started: Date | null; ended: Date }[]>`
    select t.task_id as id, o.kind, o.started_at as started, o.ended_at as ended
    from tasks t join outcomes o using (seq)`;
  const completed = rows.filter(({ kind }) => kind === "completed");
  expect(completed).toHaveLength(wishes.length);
  const endOf = new Map(completed.map(({ id, ended }) => [id, ended.getTime()]));
  expect(endOf.size).toBe(wishes.length);
  const startOf = new Map<string, number>();
  for (const { id, started } of rows)
    if (started !== null) startOf.set(id, Math.min(startOf.get(id) ?? Number.MAX_VALUE, started.getTime()));
  const early = wishes.flatMap(({ task_id, dependencies }) =>
    dependencies.filter((parent) => (endOf.get(parent) ?? Number.MAX_VALUE) > (startOf.get(task_id) ?? 0)),
  );
  expect(early).toEqual([]);
}
