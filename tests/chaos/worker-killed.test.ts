import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";

const TASKS = 5_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "kill -9 of either worker in the middle of 5 000 tasks loses none and completes none twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const submitting = chaos.submitAll(wishes);
    await chaos.untilEnded(dice.between(200, 1_200));
    await chaos.crash("worker");
    await chaos.untilEnded(dice.between(1_400, 2_200));
    await chaos.kill9("worker-2"); // Nobody starts this one again.
    await chaos.untilEnded(dice.between(2_500, 4_000));
    await chaos.kill9("worker");
    await submitting;
    await chaos.untilEnded(TASKS);
    await expectExactlyOnce(chaos, wishes);
    // The tests would show nothing if the workers had been idle when they died.
    expect((await countOutcomes(chaos)).lost).toBeGreaterThan(0);
  },
  CHAOS_TEST_MS,
);
