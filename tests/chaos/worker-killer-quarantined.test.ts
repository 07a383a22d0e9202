import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, startChaos } from "../support/chaos.ts";
import { expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";

const INNOCENT = 200;
const ENDED_MS = 120_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ env: { SIMULATE_ALLOW_CRASH: "true" } });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

const crashing = (task_id: string) => ({
  ...{ task_id, task_type: "simulate", priority: 10 },
  payload: { duration_ms: 100, failure_rate: 1, crash: true },
});

test(
  "a task that kills its worker beside 200 others does so twice, then dies alone, and its log tells how",
  async () => {
    const dice = newDice();
    const innocent = Array.from({ length: INNOCENT }, (_, index) => ({
      ...{ task_id: `innocent-${dice.seed}-${index}`, task_type: "simulate", priority: dice.between(1, 10) },
      payload: { duration_ms: dice.between(10, 300), failure_rate: 0 },
    }));
    const killer = crashing(`killer-${dice.seed}`);
    const wishes = [...innocent, killer];
    await chaos.submitAll(wishes);
    await chaos.untilEnded(wishes.length, ENDED_MS);
    await expectExactlyOnce(chaos, wishes);

    const ends = await chaos.sql<{ kind: string; count: number }[]>`
      select kind, count(*)::integer as count from outcomes where kind in ('completed', 'dead') group by kind order by kind`;
    expect([...ends]).toEqual([
      { kind: "completed", count: INNOCENT },
      { kind: "dead", count: 1 },
    ]);
    const [lost] = await chaos.sql<{ sessions: number; attempts: number }[]>`
      select count(distinct claimed_by)::integer as sessions, count(*)::integer as attempts
      from outcomes where kind = 'lost'`;
    expect(lost?.sessions).toBe(2);
    expect(lost?.attempts).toBeGreaterThan(2); // It was not alone when it did.

    const { body: letter } = await chaos.stack.call("GET", `/api/dlq/${killer.task_id}`);
    expect(letter.error).toEqual({ code: "QUARANTINED", message: expect.stringContaining("SIGKILL") });
    const history: { error: { code: string }; log: string | null }[] = letter.history;
    expect(history.map(({ error }) => error.code)).toEqual(["WORKER_LOST", "WORKER_LOST", "QUARANTINED"]);
    expect(history.map(({ log }) => log?.includes("simulated crash: this process ends now"))).toEqual([
      undefined,
      undefined,
      true,
    ]);
  },
  CHAOS_TEST_MS,
);

test(
  "brought back from the dead letters, it costs no worker any more",
  async () => {
    const [{ task_id } = { task_id: "" }] = await chaos.sql<{ task_id: string }[]>`
      select t.task_id from dead_letters d join tasks t using (seq)`;
    const before = await chaos.stack.pidOf("worker");
    const { status } = await chaos.stack.call("POST", "/api/dlq/redrive", { task_ids: [task_id] });
    expect(status).toBe(202);
    await chaos.untilEnded(INNOCENT + 2, ENDED_MS);
    const { body } = await chaos.stack.call("GET", `/api/tasks/${task_id}/attempts`);
    expect(body.items.at(-1)).toMatchObject({ attempt: 4, status: "dead", error: { code: "QUARANTINED" } });
    expect(await chaos.stack.pidOf("worker")).toBe(before);
  },
  CHAOS_TEST_MS,
);
