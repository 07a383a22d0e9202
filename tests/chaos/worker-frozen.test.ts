import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, type ExtraWorker, mixedTasks, startChaos } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";

const TASKS = 2_000;

let chaos: Chaos;
let frozen: ExtraWorker;
beforeAll(async () => {
  chaos = await startChaos();
  frozen = await chaos.addWorker("worker-2");
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "the tasks of a worker that stands still run elsewhere, and what it says when it goes on is refused",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const submitting = chaos.submitAll(wishes);
    await chaos.untilEnded(dice.between(50, 800));
    await untilTrue(async () => (await claimsOf("worker-2")) > 4, 10_000, "worker-2 is busy");
    frozen.process.kill("SIGSTOP");
    await submitting;
    await chaos.untilEnded(TASKS);
    const { lost = 0 } = await countOutcomes(chaos);
    expect(lost).toBeGreaterThan(0);
    frozen.process.kill("SIGCONT");
    await untilTrue(
      async () => (await frozen.log()).split("the claim was lost").length > 1,
      20_000,
      "an outcome of the frozen worker is refused",
    );
    await expectExactlyOnce(chaos, wishes);
  },
  CHAOS_TEST_MS,
);

test(
  "a worker that goes on is alive again, and works",
  async () => {
    process.kill(await chaos.stack.pidOf("worker"), "SIGSTOP"); // The other one.
    const payload = { duration_ms: 0, failure_rate: 0 };
    await chaos.submitAll([{ task_id: "afterwards", task_type: "simulate", payload }]);
    await chaos.untilEnded(TASKS + 1);
    const [row] = await chaos.sql<{ claimed_by: string }[]>`
      select claimed_by from outcomes join tasks using (seq) where task_id = 'afterwards' and kind = 'completed'`;
    expect(row?.claimed_by).toStartWith("worker-2~");
    process.kill(await chaos.stack.pidOf("worker"), "SIGCONT");
  },
  CHAOS_TEST_MS,
);

async function claimsOf(workerId: string): Promise<number> {
  const rows = await chaos.sql`select 1 from open_tasks where claimed_by like ${`${workerId}~%`}`;
  return rows.length;
}
