import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, startChaos } from "../support/chaos.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startSecondScheduler } from "../support/second-scheduler.ts";

const SECONDS = 30;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos();
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

const fired = async (): Promise<number> => {
  const [row] = await chaos.sql<{ count: number }[]>`
    select count(*)::integer as count from tasks where task_id like 'each-second:%'`;
  return row?.count ?? 0;
};

test(
  "a cron at every second runs each tick exactly once while schedulers are killed at their ticks",
  async () => {
    const second = await startSecondScheduler(chaos.stack);
    const dice = newDice();
    const made = await chaos.stack.call("POST", "/api/schedules", {
      ...{ schedule_id: "each-second", cron: "* * * * * *", missed: "catch_up" },
      task: { task_type: "simulate", payload: { duration_ms: 0, failure_rate: 0 } },
    });
    expect(made.status).toBe(201);
    const [killAt1 = 0, killAt2 = 0, killAt3 = 0] = [
      dice.between(3, 7),
      dice.between(10, 15),
      dice.between(18, 24),
    ];
    for (const killAt of [killAt1, killAt2]) {
      await untilTrue(async () => (await fired()) >= killAt, 60_000, `${killAt} ticks`);
      await chaos.crash("scheduler");
    }
    await untilTrue(async () => (await fired()) >= killAt3, 60_000, `${killAt3} ticks`);
    second.kill("SIGKILL");
    await chaos.kill9("scheduler"); // Nobody is left for a moment.
    await untilTrue(async () => (await fired()) >= SECONDS, 60_000, `${SECONDS} ticks`);
    await chaos.stack.call("POST", "/api/schedules/each-second/pause");
    await untilTrue(async () => (await openTicks()) === 0, 60_000, "all are done");

    const rows = await chaos.sql<{ task_id: string; run_at: Date; completed: number; calls: number }[]>`
      select t.task_id, t.run_at,
        (select count(*)::integer from outcomes o where o.seq = t.seq and o.kind = 'completed') as completed,
        (select count(*)::integer from schedule_runs r where r.task_id = t.task_id) as calls
      from tasks t where t.task_id like 'each-second:%' order by t.run_at`;
    const ticks = rows.map((row) => row.run_at.getTime() / 1000);
    expect(ticks).toEqual(ticks.map((_, index) => (ticks[0] ?? 0) + index)); // No gap, no repetition.
    expect(rows.map(({ completed, calls }) => [completed, calls])).toEqual(rows.map(() => [1, 1]));
    expect((ticks[0] ?? 0) * 1000).toBe(Date.parse((made.body.next_runs as string[])[0] ?? ""));
  },
  CHAOS_TEST_MS,
);

const openTicks = async (): Promise<number> => {
  const [row] = await chaos.sql<{ count: number }[]>`
    select count(*)::integer as count from open_tasks o join tasks t using (seq) where t.task_id like 'each-second:%'`;
  return row?.count ?? 0;
};
