import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectBus, readBeats } from "@millrace/bus";
import { CHAOS_TEST_MS, type Chaos, startChaos } from "../support/chaos.ts";
import { countOutcomes } from "../support/chaos-verdict.ts";
import { untilTrue } from "../support/running-stack.ts";

const TASKS = 8;
/** Three heartbeats of a second, and some more. */
const STANDSTILL_MS = 5_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "tasks that run while NATS dies and then stands still, for longer than three heartbeats, run once: nobody hears the workers, but they live",
  async () => {
    await submitLong("long");
    await untilTrue(async () => (await countRunning()) === TASKS, 10_000, "all are running");
    await chaos.crash("nats");
    const nats = await chaos.stack.pidOf("nats");
    process.kill(nats, "SIGSTOP");
    await Bun.sleep(STANDSTILL_MS);
    process.kill(nats, "SIGCONT");
    await chaos.untilEnded(TASKS);
    expect(await countOutcomes(chaos)).toEqual({ completed: TASKS });
  },
  CHAOS_TEST_MS,
);

test(
  "tasks that run while the bucket of the heartbeats is deleted run once: it is made anew, and nobody looks dead",
  async () => {
    const bus = await connectBus({ urls: [(await chaos.stack.run()).nats_url], name: "test" });
    await submitLong("bucketless");
    await untilTrue(async () => (await countRunning()) === TASKS, 10_000, "all are running");
    await bus.manager.streams.delete("KV_workers");
    await untilTrue(
      async () => (await readBeats(bus).catch(() => new Map())).size === 2,
      10_000,
      "both beat again",
    );
    await bus.connection.close();
    await chaos.untilEnded(2 * TASKS);
    expect(await countOutcomes(chaos)).toEqual({ completed: 2 * TASKS });
  },
  CHAOS_TEST_MS,
);

async function submitLong(name: string): Promise<void> {
  const payload = { duration_ms: 12_000, failure_rate: 0 };
  await chaos.submitAll(
    Array.from({ length: TASKS }, (_, index) => ({
      ...{ task_id: `${name}-${index}`, task_type: "simulate", lane: "short", payload },
    })),
  );
}

async function countRunning(): Promise<number> {
  const rows = await chaos.sql`select 1 from open_tasks where claimed_by is not null`;
  return rows.length;
}
