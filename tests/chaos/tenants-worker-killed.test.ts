import { afterAll, beforeAll, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos } from "../support/chaos.ts";
import { expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";

const TASKS = 4_000;
/** One with most of the tasks, two with some, and those of nobody's. */
const TENANTS = ["acme", "acme", "acme", "acme", "bolt", "crown", undefined] as const;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 2 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "kill -9 of two workers and of the scheduler, while tenants take turns, loses none of 4 000 tasks and completes none twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice).map((wish, index) => {
      const tenant = TENANTS[index % TENANTS.length];
      return { ...wish, priority: 5, ...(tenant !== undefined && { tenant }) };
    });
    const submitting = chaos.submitAll(wishes);
    await chaos.untilEnded(dice.between(100, 1_000));
    await chaos.kill9("worker-2");
    await chaos.untilEnded(dice.between(1_100, 2_000));
    await chaos.crash("scheduler");
    await chaos.untilEnded(dice.between(2_100, 3_000));
    await chaos.kill9("worker-3");
    await submitting;
    await chaos.untilEnded(TASKS);
    await expectExactlyOnce(chaos, wishes);
  },
  CHAOS_TEST_MS,
);
