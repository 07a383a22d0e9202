import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";

const TASKS = 5_000;
const SILENT_TASKS = 20;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "kill -9 of nats-server in the middle of 5 000 tasks, also while they come in, loses none and completes none twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const early = wishes.slice(0, TASKS - SILENT_TASKS);
    const late = wishes.slice(early.length);
    const submitting = chaos.submitAll(early);
    await chaos.untilEnded(dice.between(100, 1_500));
    await chaos.crash("nats");
    await chaos.untilEnded(dice.between(2_000, 3_500));
    await submitting;
    // Deaths in a row are followed by ever longer pauses: NATS is away while these come in.
    await chaos.crash("nats");
    await chaos.kill9("nats");
    await untilTrue(async () => !(await isNatsThere()), 5_000, "NATS is away");
    for (const wish of late) expect((await chaos.stack.call("POST", "/api/tasks", wish)).status).toBe(201);
    expect(await isNatsThere()).toBe(false);
    await chaos.untilEnded(TASKS, 100_000);
    await expectExactlyOnce(chaos, wishes);
  },
  CHAOS_TEST_MS,
);

test("no worker was thought dead because NATS was away", async () => {
  expect((await countOutcomes(chaos)).lost ?? 0).toBe(0);
});

async function isNatsThere(): Promise<boolean> {
  const { nats_monitor_url } = await chaos.stack.run();
  return await fetch(nats_monitor_url).then(
    (response) => response.ok,
    () => false,
  );
}
