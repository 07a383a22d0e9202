import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, startChaos } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";
import { type FleetProcess, mostHeld, startFleet } from "../support/workers/fleet.ts";

const TASKS = 3_000;
const PROCESSES = 5;
const WORKERS_EACH = 10;
const SLOTS = 3;
const BLOWS = 8;

let chaos: Chaos;
const fleets: FleetProcess[] = [];
beforeAll(async () => {
  chaos = await startChaos();
}, CHAOS_TEST_MS);
afterAll(async () => {
  for (const { child } of fleets) child.kill("SIGKILL");
  await chaos?.close();
});

async function join(prefix: string): Promise<FleetProcess> {
  const { api_url: baseUrl, api_key: apiKey } = await chaos.stack.run();
  const wish = {
    baseUrl,
    apiKey,
    prefix,
    workers: WORKERS_EACH,
    taskType: "fleet.wait",
    slots: SLOTS,
    heartbeatS: 1,
  };
  const fleet = startFleet(wish);
  fleets.push(fleet);
  return fleet;
}

test(
  "50 workers over HTTP that join, leave and are killed at random lose no task, complete none twice and keep their limits",
  async () => {
    const dice = newDice();
    const wishes = Array.from({ length: TASKS }, (_, n) => ({
      ...{ task_id: `fleet-${n}`, task_type: "fleet.wait", priority: dice.between(1, 10) },
      payload: { ms: dice.between(5, 120) },
    }));
    const submitting = chaos.submitAll(wishes);
    const alive = await Promise.all(Array.from({ length: PROCESSES }, (_, n) => join(`fleet-${n}`)));
    for (let blow = 0; blow < BLOWS; blow += 1) {
      await chaos.untilEnded(Math.floor((TASKS * (blow + 1)) / (BLOWS + 3)));
      const place = dice.between(0, PROCESSES - 1);
      // A kill is a death; a term drains, and gives back what does not end.
      alive[place]?.child.kill(dice.throw() < 0.6 ? "SIGKILL" : "SIGTERM");
      // The same ids again are another life of each; others are new workers.
      alive[place] = await join(dice.throw() < 0.5 ? `fleet-${place}` : `fleet-${PROCESSES + blow}`);
    }
    await submitting;
    await chaos.untilEnded(TASKS);
    await expectExactlyOnce(chaos, wishes);
    // The test would show nothing if nobody had been in the middle of something.
    expect((await countOutcomes(chaos)).lost).toBeGreaterThan(0);
    const held = await mostHeld(chaos.sql, "fleet-");
    expect(held.length).toBeGreaterThan(PROCESSES * WORKERS_EACH);
    expect(held.filter(({ most }) => most > SLOTS)).toEqual([]);
    expect(fleets.flatMap(({ said }) => said.filter((word) => "over" in word))).toEqual([]);
  },
  CHAOS_TEST_MS,
);
