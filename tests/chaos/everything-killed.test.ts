import { afterAll, beforeAll, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos } from "../support/chaos.ts";
import { expectExactlyOnce } from "../support/chaos-verdict.ts";
import { type Dice, newDice } from "../support/dice.ts";

const TASKS = 3_000;
const STORM_MS = 30_000;
const PARTS = ["api", "scheduler", "worker", "worker-2", "nats", "postgres"] as const;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "random kills of all parts for half a minute lose none of 3 000 tasks and complete none twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const [submitting, storm] = [trickle(wishes), kill(dice)];
    await Promise.all([submitting, storm]);
    await chaos.untilEnded(TASKS, 100_000);
    await expectExactlyOnce(chaos, wishes);
  },
  CHAOS_TEST_MS + 30_000,
);

/** In small parts, so that tasks come in during the whole storm. */
async function trickle(wishes: ReturnType<typeof mixedTasks>): Promise<void> {
  const part = 50;
  const fromMs = performance.now();
  for (let start = 0; start < wishes.length; start += part) {
    await chaos.submitAll(wishes.slice(start, start + part));
    const dueMs = fromMs + (STORM_MS * start) / wishes.length;
    await Bun.sleep(Math.max(0, dueMs - performance.now())); // The pace of the clients is what the test is about.
  }
}

async function kill(dice: Dice): Promise<void> {
  const endMs = performance.now() + STORM_MS;
  while (performance.now() < endMs) {
    const victim = dice.pick(PARTS);
    process.stderr.write(`kill -9 ${victim}\n`);
    const isGoneForGood = victim === "worker-2" && chaos.extraWorkers.has(victim);
    await chaos.kill9(victim);
    if (isGoneForGood) void chaos.addWorker("worker-2").catch(() => {}); // It may meet a NATS that is away.
    await Bun.sleep(dice.between(500, 4_000));
  }
}
