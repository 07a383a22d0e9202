import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, startChaos, type Wish } from "../support/chaos.ts";
import { countOutcomes, expectExactlyOnce } from "../support/chaos-verdict.ts";
import { untilTrue } from "../support/running-stack.ts";

const LEFT_MS = 12_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos();
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

/** Long enough for both workers to have some. */
function sleepers(name: string, durationMs: number): readonly Wish[] {
  const payload = { duration_ms: durationMs, failure_rate: 0 };
  return Array.from({ length: 20 }, (_, index) => ({
    ...{ task_id: `${name}-${index}`, task_type: "simulate", lane: "short", payload },
  }));
}

async function claims(workerId: string): Promise<number> {
  const rows = await chaos.sql`select 1 from open_tasks where claimed_by like ${`${workerId}~%`}`;
  return rows.length;
}

test(
  "a worker that is asked to leave finishes tasks of three seconds, and takes no others",
  async () => {
    const leaving = await chaos.addWorker("worker-2");
    const wishes = sleepers("finish", 3_000);
    await chaos.submitAll(wishes);
    await untilTrue(async () => (await claims("worker-2")) > 0, 10_000, "worker-2 is busy");
    leaving.process.kill("SIGTERM");
    await untilTrue(() => leaving.process.exitCode !== null, LEFT_MS, "worker-2 is gone");
    expect(leaving.process.exitCode).toBe(0);
    expect(await claims("worker-2")).toBe(0);
    await chaos.untilEnded(wishes.length);
    await expectExactlyOnce(chaos, wishes);
    expect(await countOutcomes(chaos)).toEqual({ completed: wishes.length });
  },
  CHAOS_TEST_MS,
);

test(
  "what takes longer is given back without burning an attempt, and runs elsewhere",
  async () => {
    const leaving = await chaos.addWorker("worker-3");
    const wishes = sleepers("give-back", 15_000);
    const before = await chaos.ended();
    await chaos.submitAll(wishes);
    await untilTrue(async () => (await claims("worker-3")) > 0, 10_000, "worker-3 is busy");
    leaving.process.kill("SIGTERM");
    await untilTrue(() => leaving.process.exitCode !== null, LEFT_MS, "worker-3 is gone");
    expect(await claims("worker-3")).toBe(0);
    await chaos.untilEnded(before + wishes.length);
    const rows = await chaos.sql<{ kind: string }[]>`
      select distinct o.kind from outcomes o join tasks t using (seq) where t.task_id like 'give-back-%' order by 1`;
    expect(rows.map((row) => row.kind)).toEqual(["completed", "returned"]);
    const burnt = await chaos.sql`
      select t.task_id from outcomes o join tasks t using (seq)
      where t.task_id like 'give-back-%' and o.kind in ('failed', 'lost')`;
    expect([...burnt]).toEqual([]);
  },
  CHAOS_TEST_MS,
);

test(
  "a worker leaves also when NATS does not answer",
  async () => {
    const leaving = await chaos.addWorker("worker-4");
    const nats = await chaos.stack.pidOf("nats");
    process.kill(nats, "SIGSTOP");
    try {
      leaving.process.kill("SIGTERM");
      await untilTrue(() => leaving.process.exitCode !== null, LEFT_MS, "worker-4 is gone");
      expect(leaving.process.exitCode).toBe(0);
    } finally {
      process.kill(nats, "SIGCONT");
    }
  },
  CHAOS_TEST_MS,
);
