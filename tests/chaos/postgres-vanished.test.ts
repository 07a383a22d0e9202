import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { type CuttingGate, startCuttingGate } from "../support/cutting-gate.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";

const TASKS = 2_000;

let chaos: Chaos;
let gate: CuttingGate;
beforeAll(async () => {
  chaos = await startChaos({ env: { HEARTBEAT_INTERVAL: "10" } });
  const { database_url: url } = await chaos.stack.run();
  gate = await startCuttingGate(url);
  await chaos.addWorker("worker-2", { DATABASE_URL: gate.reroute(url) });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "a worker whose PostgreSQL vanished without closing a connection goes on when it is back: none lost, none twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const submitting = chaos.submitAll(wishes);
    await chaos.untilEnded(dice.between(100, 1_000));
    await untilTrue(async () => (await heldByVictim()) > 0, 10_000, "worker-2 is busy");
    gate.vanish();
    await submitting;
    await untilTrue(
      async () => TASKS - (await chaos.ended()) <= (await heldByVictim()),
      60_000,
      "the rest is done",
    );
    gate.comeBack(); // Its old connections stay as they are.
    await chaos.untilEnded(TASKS);
    await expectExactlyOnce(chaos, wishes);
    expect((await countOutcomes(chaos)).lost ?? 0).toBe(0);
  },
  CHAOS_TEST_MS,
);

async function heldByVictim(): Promise<number> {
  return (await chaos.sql`select 1 from open_tasks where claimed_by like 'worker-2~%'`).length;
}
