import { afterAll, beforeAll, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos } from "../support/chaos.ts";
import { expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";

const TASKS = 5_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "kill -9 of the scheduler, thrice, once while a worker is dead, loses none of 5 000 tasks and completes none twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const submitting = chaos.submitAll(wishes);
    await chaos.untilEnded(dice.between(100, 1_500));
    await chaos.crash("scheduler");
    await chaos.untilEnded(dice.between(1_600, 3_000));
    await chaos.kill9("worker-2"); // Whose death the scheduler cannot see before it dies itself.
    await chaos.crash("scheduler");
    await chaos.untilEnded(dice.between(3_100, 4_500));
    await chaos.kill9("scheduler");
    await submitting;
    await chaos.untilEnded(TASKS);
    await expectExactlyOnce(chaos, wishes);
  },
  CHAOS_TEST_MS,
);
