import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ack, type Bus, type Delivery, DispatchPublisher } from "@millrace/bus";
import { levelConsumer, TASKS_STREAM } from "@millrace/protocol";
import { LanePuller } from "@millrace/worker/lane-puller";
import { type BusUnderTest, dispatchOf, startBus, until } from "../../support/bus.ts";

let under: BusUnderTest;
let publisher: DispatchPublisher;
let onConnected: () => void;
let loops: { puller: LanePuller; loop: Promise<void> }[];

beforeEach(async () => {
  onConnected = () => {};
  loops = [];
  under = await startBus((status) => {
    if (status === "connected") onConnected();
  });
  publisher = new DispatchPublisher(under.bus);
});
afterEach(async () => {
  for (const { puller } of loops) puller.stop();
  await Promise.all(loops.map(({ loop }) => loop));
  await under.close();
});

const seqOf = (delivery: Delivery): number => JSON.parse(delivery.body).seq;

interface Lane {
  readonly puller: LanePuller;
  /** In the order in which they were started. */
  readonly started: number[];
  readonly busyMax: number;
  /** Lets the oldest running task end, with an acknowledgement. */
  end(): void;
  /** From now on tasks end at once. */
  endAll(): void;
}

function startLane(slots: number, bus: Bus = under.bus): Lane {
  const started: number[] = [];
  const running: (() => void)[] = [];
  let isInstant = false;
  let busyMax = 0;
  const puller = new LanePuller({
    bus,
    lane: "short",
    slots,
    handle: async (delivery) => {
      started.push(seqOf(delivery));
      busyMax = Math.max(busyMax, puller.busy);
      if (!isInstant) await new Promise<void>((resolve) => running.push(resolve));
      ack(bus, delivery);
    },
  });
  loops.push({ puller, loop: puller.run() });
  return {
    puller,
    started,
    get busyMax() {
      return busyMax;
    },
    end: () => running.shift()?.(),
    endAll: () => {
      isInstant = true;
      for (const resolve of running.splice(0)) resolve();
    },
  };
}

const publish = (seqs: readonly number[], priority = 5) =>
  publisher.publish(seqs.map((seq) => ({ dispatch: dispatchOf(seq, { priority }) })));
const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);
const consumerInfo = (priority: number) =>
  under.bus.manager.consumers.info(TASKS_STREAM, levelConsumer({ lane: "short", priority }));
const armed = (priority: number) =>
  until("it waits for work", async () => (await consumerInfo(priority)).num_waiting > 0);

describe("a lane that is paused", () => {
  let isPaused = false;

  function startPausable(): { puller: LanePuller; started: number[] } {
    const started: number[] = [];
    const puller = new LanePuller({
      bus: under.bus,
      lane: "short",
      slots: 4,
      isPaused: () => isPaused,
      handle: async (delivery) => {
        started.push(seqOf(delivery));
        ack(under.bus, delivery);
      },
    });
    loops.push({ puller, loop: puller.run() });
    return { puller, started };
  }

  test("fetches nothing, keeps no pull with the server, and goes on at once", async () => {
    isPaused = false;
    const { puller, started } = startPausable();
    await armed(5);
    isPaused = true;
    puller.rearm();
    await publish([1, 2, 3]);
    await until(
      "all wait",
      async () => (await consumerInfo(5)).num_pending + (await consumerInfo(5)).num_ack_pending === 3,
    );
    expect(started).toEqual([]);
    isPaused = false;
    puller.rearm();
    // One may have gone to a pull that was given up at the same moment; it comes again after the ack wait.
    await until("they are fetched", () => new Set(started).size === 3, 20_000);
  }, 30_000);

  test("gives back what comes all the same, for others and for later", async () => {
    isPaused = false;
    const { puller, started } = startPausable();
    await armed(5);
    isPaused = true; // The server has not heard of it yet.
    await publish([7]);
    await until(
      "it was given back",
      async () =>
        (await consumerInfo(5)).num_redelivered === 0 && (await consumerInfo(5)).num_ack_pending === 1,
    );
    expect(started).toEqual([]);
    isPaused = false;
    puller.rearm();
    await until("it is fetched again", () => started.length === 1);
  });
});

describe("slots", () => {
  test("are never exceeded, and all work is done", async () => {
    await publish(range(1, 60));
    const lane = startLane(4);
    while (lane.started.length < 60) {
      await until(
        "the slots are full, or nothing is left",
        () => lane.puller.free === 0 || lane.started.length === 60,
      );
      lane.end();
    }
    lane.endAll();
    expect(lane.busyMax).toBe(4);
    expect([...lane.started].sort((a, b) => a - b)).toEqual(range(1, 60));
  });

  test("of a full worker take no message: another worker gets it", async () => {
    const full = startLane(1);
    await armed(5);
    await publish([1]);
    await until("it is full", () => full.puller.free === 0);
    const other = startLane(2);
    await publish([2, 3]);
    await until("the other has them", () => other.started.length === 2);
    expect(full.started).toEqual([1]);
    full.endAll();
    other.endAll();
  });

  test("that are all taken by a burst on many levels give the surplus back at once", async () => {
    const lane = startLane(1);
    await Promise.all([3, 5, 7, 9].map(armed));
    await Promise.all([3, 5, 7, 9].map((priority) => publish([priority], priority)));
    await until("one has started", () => lane.started.length === 1);
    const startedAt = performance.now();
    lane.endAll();
    await until("all are done", () => lane.started.length >= 4);
    // Far below the ack wait of 30 s, after which JetStream would hand them out by itself.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(new Set(lane.started)).toEqual(new Set([3, 5, 7, 9]));
    expect(lane.busyMax).toBe(1);
  });
});

describe("order", () => {
  test("is the most urgent first", async () => {
    for (const priority of [1, 5, 10]) await publish([priority], priority);
    await until("the consumers know", async () => (await consumerInfo(10)).num_pending === 1);
    const lane = startLane(1);
    for (const count of [1, 2, 3]) {
      await until("the next has started", () => lane.started.length === count);
      lane.end();
    }
    expect(lane.started).toEqual([10, 5, 1]);
  });
});

describe("an idle lane", () => {
  test("starts what comes, on any level, within a moment", async () => {
    const lane = startLane(2);
    lane.endAll();
    await Promise.all([1, 10].map(armed));
    for (const [index, priority] of [1, 10, 4, 4, 10].entries()) {
      const startedAt = performance.now();
      await publish([index], priority);
      await until("it has started", () => lane.started.includes(index), 2_000);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
    }
  });

  test("keeps an eye on every level after many single messages", async () => {
    const lane = startLane(3);
    lane.endAll();
    for (let round = 0; round < 150; round++) {
      await publish([round], 1 + (round % 10));
      await until(`message ${round} has started`, () => lane.started.includes(round), 3_000);
    }
    for (const priority of range(1, 10)) await armed(priority);
  });

  test("takes nothing more once it is stopped", async () => {
    const lane = startLane(2);
    await armed(5);
    lane.puller.stop();
    await until("the server has forgotten it", async () => (await consumerInfo(5)).num_waiting === 0);
    await publish([1]);
    await until("the message waits", async () => (await consumerInfo(5)).num_pending === 1);
    expect(lane.started).toEqual([]);
  });
});

describe("a broker that fails", () => {
  test("and comes back, killed, with its store: the lane goes on by itself", async () => {
    const lane = startLane(3);
    lane.endAll();
    onConnected = () => lane.puller.rearm();
    await publish(range(1, 20));
    await until("the first are done", () => lane.started.length >= 20);
    await under.server.kill9();
    await under.server.restart();
    await until(
      "it takes messages again",
      () =>
        publish(range(100, 5)).then(
          () => true,
          () => false,
        ),
      30_000,
    );
    await until("they are done", () => range(100, 5).every((seq) => lane.started.includes(seq)), 20_000);
  }, 60_000);

  test("a stream that is gone is asked for now and then, not in a busy loop, and found again", async () => {
    let asked = 0;
    const { connection } = under.bus;
    const counted = new Proxy(connection, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (name === "publish") asked += 1;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { config } = await under.bus.manager.streams.info(TASKS_STREAM);
    const consumer = (await consumerInfo(5)).config;
    await under.bus.manager.streams.delete(TASKS_STREAM);
    const lane = startLane(2, { ...under.bus, connection: counted });
    lane.endAll();
    await until("it has asked", () => asked >= 20);
    const before = asked;
    const startedAt = performance.now();
    await until("two seconds have passed", () => performance.now() - startedAt > 2_000);
    // Ten levels, twice each, every half a second.
    expect(asked - before).toBeLessThan(120);
    await under.bus.manager.streams.add(config);
    await under.bus.manager.consumers.add(TASKS_STREAM, consumer);
    await publish([7]);
    await until("it is done", () => lane.started.includes(7));
  });
});
