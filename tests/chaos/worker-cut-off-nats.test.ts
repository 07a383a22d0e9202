import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos, type Wish } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { addWorkersBehindGates, planAllCuts, untilAllWork } from "../support/cut-off-workers.ts";
import type { CuttingGate } from "../support/cutting-gate.ts";
import { newDice } from "../support/dice.ts";

const WAVE = 200;
const TASKS_MAX = 40_000;
/** A worker that was cut off asks for work again after two seconds at most, and each is cut off twenty times. */
const CUTTING_MS_MAX = 80_000;

let chaos: Chaos;
let gates: readonly CuttingGate[];
beforeAll(async () => {
  // Nobody shall be thought dead here, and the worker without a gate shall leave most of the work to the others.
  chaos = await startChaos({ env: { HEARTBEAT_INTERVAL: "10", MAX_WORKERS: "2", LONG_SLOTS: "1" } });
  gates = await addWorkersBehindGates(chaos, "NATS_URL");
}, CHAOS_TEST_MS);
// Tasks of eight seconds are given back first.
afterAll(() => chaos?.close(), CHAOS_TEST_MS);

test(
  "a connection to NATS that breaks at any message, sent or unanswered, loses no task and runs none twice",
  async () => {
    const all = mixedTasks(TASKS_MAX, chaos, newDice());
    const wishes: Wish[] = [];
    planAllCuts(gates);
    const endMs = performance.now() + CUTTING_MS_MAX;
    while (gates.some((gate) => gate.left > 0) && performance.now() < endMs) {
      const wave = all.slice(wishes.length, wishes.length + WAVE);
      wishes.push(...wave);
      await chaos.submitAll(wave);
      await chaos.untilEnded(wishes.length - WAVE / 2);
    }
    expect(gates.map((gate) => gate.left)).toEqual(gates.map(() => 0));
    await chaos.untilEnded(wishes.length);
    await expectExactlyOnce(chaos, wishes);
    expect((await countOutcomes(chaos)).lost ?? 0).toBe(0);
  },
  CHAOS_TEST_MS,
);

test("each worker that was cut off works again", () => untilAllWork(chaos), CHAOS_TEST_MS);
