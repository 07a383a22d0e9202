import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openWorkersBucket, readBeats, workerKey } from "@millrace/bus";
import { createLog } from "@millrace/observe";
import type { WorkerBeat } from "@millrace/protocol";
import { Heartbeat, type HeartbeatOptions } from "@millrace/worker/heartbeat";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";
import { freePort } from "../../support/servers.ts";

let under: BusUnderTest;
beforeAll(async () => {
  under = await startBus();
  await openWorkersBucket(under.bus);
});
afterAll(() => under.close());

const log = createLog({
  service: "test",
  level: "CRITICAL",
  format: "json",
  destination: { write: () => {}, flush: () => {} },
});
let workers = 0;

function optionsOf(overrides: Partial<HeartbeatOptions> = {}): HeartbeatOptions {
  return {
    natsUrls: [under.server.url],
    streams: under.bus.streams,
    workerId: `worker:${++workers}`,
    nonce: "life-1",
    capabilities: ["simulate", "http.request"],
    slots: 10,
    intervalS: 1,
    currentTasks: () => [],
    log,
    ...overrides,
  };
}

async function beatOf(workerId: string): Promise<WorkerBeat | undefined> {
  return (await readBeats(under.bus)).get(workerKey(workerId));
}

describe("start", () => {
  test("resolves when the first beat stands in the bucket, with all that others need to know", async () => {
    const options = optionsOf();
    const heartbeat = await Heartbeat.start(options);
    const beat = await beatOf(options.workerId);
    expect(beat).toMatchObject({
      worker_id: options.workerId,
      session: "life-1",
      status: "active",
      capabilities: ["simulate", "http.request"],
      max_concurrent_tasks: 10,
      current_tasks: [],
      heartbeat_interval: 1,
    });
    for (const share of Object.values(beat?.system_info ?? {})) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    await heartbeat.stop();
  });

  test("rejects when NATS cannot be reached in time", async () => {
    const natsUrls = [`nats://127.0.0.1:${await freePort()}`];
    const refused = await Heartbeat.start(optionsOf({ natsUrls, startMsMax: 500 })).catch(String);
    expect(refused).toContain("the first heartbeat did not get through");
  });
});

describe("beats", () => {
  test("go on while the main thread computes for three seconds, and name the tasks it runs", async () => {
    const options = optionsOf({ currentTasks: () => ["task-1", "task-2"] });
    const heartbeat = await Heartbeat.start(options);
    await until(
      "the tasks are told",
      async () => (await beatOf(options.workerId))?.current_tasks.length === 2,
    );
    const startedAt = Date.now();
    while (Date.now() - startedAt < 3_000); // The event loop stands still, as under a handler that computes.
    const endedAt = Date.now();
    const last = Date.parse((await beatOf(options.workerId))?.last_heartbeat_at ?? "");
    expect(last).toBeGreaterThan(startedAt + 1_000);
    expect(last).toBeLessThanOrEqual(endedAt + 1_000);
    await heartbeat.stop();
  });

  test("go on when the bucket was deleted: it is made anew", async () => {
    const options = optionsOf();
    const heartbeat = await Heartbeat.start(options);
    await under.bus.manager.streams.delete("KV_workers");
    await until("a beat stands in the new bucket", async () => {
      const beat = await beatOf(options.workerId).catch(() => undefined);
      return beat !== undefined;
    });
    await heartbeat.stop();
  });

  test("say at once that the worker drains, and that it works again", async () => {
    const options = optionsOf({ intervalS: 30 });
    const heartbeat = await Heartbeat.start(options);
    for (const status of ["draining", "active", "draining"] as const) {
      heartbeat.be(status);
      await until(`it is ${status}`, async () => (await beatOf(options.workerId))?.status === status);
    }
    await heartbeat.stop();
  });

  test("name what runs at the moment at which the worker begins to drain", async () => {
    let tasks: readonly string[] = [];
    const options = optionsOf({ intervalS: 30, currentTasks: () => tasks });
    const heartbeat = await Heartbeat.start(options);
    tasks = ["just begun"];
    heartbeat.be("draining");
    await until("it drains", async () => (await beatOf(options.workerId))?.status === "draining");
    expect(await beatOf(options.workerId)).toMatchObject({ current_tasks: ["just begun"] });
    await heartbeat.stop();
  });

  test("say from the first one on that the worker drains", async () => {
    const options = optionsOf({ intervalS: 30, status: "draining" });
    const heartbeat = await Heartbeat.start(options);
    expect(await beatOf(options.workerId)).toMatchObject({ status: "draining" });
    await heartbeat.stop();
  });
});

describe("stop", () => {
  test("removes the key, and no beat comes after it", async () => {
    const options = optionsOf();
    const heartbeat = await Heartbeat.start(options);
    await heartbeat.stop();
    expect(await beatOf(options.workerId)).toBeUndefined();
    const startedAt = performance.now();
    await until("more than an interval has passed", () => performance.now() - startedAt > 1_500);
    expect(await beatOf(options.workerId)).toBeUndefined();
  });

  test("right after drain, as an idle worker does it, removes the key, too", async () => {
    for (let round = 0; round < 10; round++) {
      const options = optionsOf({ intervalS: 30 });
      const heartbeat = await Heartbeat.start(options);
      heartbeat.be("draining");
      await heartbeat.stop();
      expect(await beatOf(options.workerId)).toBeUndefined();
    }
  });

  test("does not wait for a NATS that is away", async () => {
    const own = await startBus();
    await openWorkersBucket(own.bus);
    const heartbeat = await Heartbeat.start(optionsOf({ natsUrls: [own.server.url] }));
    await own.server.kill9();
    const startedAt = performance.now();
    await heartbeat.stop();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await own.close();
  });
});
