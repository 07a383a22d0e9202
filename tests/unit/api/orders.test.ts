import { afterEach, beforeEach, expect, test } from "bun:test";
import { busOrders } from "@millrace/api/orders";
import { answerForOrders, type KnownWorker } from "@millrace/bus";
import type { WorkerBeat } from "@millrace/protocol";
import { type BusUnderTest, startBus } from "../../support/bus.ts";

const SHORT_MS = 200;

let under: BusUnderTest;
beforeEach(async () => {
  under = await startBus();
}, 60_000);
afterEach(() => under?.close());

function known(
  workerId: string,
  more: Partial<KnownWorker> = {},
  beat: Partial<WorkerBeat> = {},
): KnownWorker {
  return {
    liveness: "alive",
    beat: {
      ...{ worker_id: workerId, session: "1", status: "active", capabilities: [], max_concurrent_tasks: 1 },
      ...{ current_tasks: [], started_at: "", last_heartbeat_at: "", heartbeat_interval: 30 },
      system_info: { cpu_usage: null, memory_usage: null, disk_usage: null },
      ...beat,
    },
    ...more,
  };
}

const ordersOf = (workers: readonly KnownWorker[], apis: readonly string[] = []) =>
  busOrders(under.bus, { workers: () => workers, apis: () => apis, waitMs: SHORT_MS });

test("whoever lives and is silent is named: workers by their ids, api processes by what they are", async () => {
  answerForOrders(under.bus, "good~1", async () => true);
  const workers = [known("good"), known("silent"), known("draining", {}, { status: "draining" })];
  expect(await ordersOf(workers, ["a"]).untilHeeded("pauses")).toEqual(["api:a", "draining", "silent"]);
});

test("an answer of a former life is none", async () => {
  answerForOrders(under.bus, "reborn~1", async () => true);
  const workers = [known("reborn", {}, { session: "2" })];
  expect(await ordersOf(workers).untilHeeded("limits")).toEqual(["reborn"]);
});

test("the dead, the ill and those that speak HTTP are not waited for", async () => {
  const workers = [
    known("dead", { liveness: "dead" }),
    known("ill", { liveness: "unhealthy" }),
    known("remote", {}, { owner_id: 7 }),
  ];
  const startedMs = performance.now();
  expect(await ordersOf(workers).untilHeeded("breakers")).toEqual([]);
  expect(performance.now() - startedMs).toBeLessThan(SHORT_MS);
});

test("what concerns one worker waits for that one and for the api processes alone", async () => {
  const workers = [known("meant"), known("other")];
  expect(await ordersOf(workers, ["a"]).untilHeeded("drains", "meant")).toEqual(["api:a", "meant"]);
  expect(await ordersOf(workers).untilHeeded("drains", "remote")).toEqual([]);
});
