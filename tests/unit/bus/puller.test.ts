import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  ack,
  ackProgress,
  type Delivery,
  DispatchPublisher,
  giveBack,
  pullNext,
  pullNow,
} from "@millrace/bus";
import { levelConsumer, TASKS_STREAM } from "@millrace/protocol";
import { type BusUnderTest, dispatchOf, LEVEL, pullAll, seqsOf, startBus, until } from "../../support/bus.ts";

let under: BusUnderTest;
let publisher: DispatchPublisher;
let seq = 0;
beforeAll(async () => {
  under = await startBus();
  publisher = new DispatchPublisher(under.bus);
});
afterEach(async () => {
  await under.bus.manager.streams.purge(TASKS_STREAM);
});
afterAll(() => under.close());

/** Publishes so many tasks that were never seen before; their ids. */
async function publish(count: number): Promise<readonly number[]> {
  const seqs = Array.from({ length: count }, () => ++seq);
  const before = (await consumerInfo()).num_pending;
  await publisher.publish(seqs.map((each) => ({ dispatch: dispatchOf(each) })));
  // A message is acknowledged a moment before its consumer knows of it.
  await until("the consumer knows of them", async () => (await consumerInfo()).num_pending >= before + count);
  return seqs;
}

const consumerInfo = () => under.bus.manager.consumers.info(TASKS_STREAM, levelConsumer(LEVEL));

describe("pullNow", () => {
  test("returns at once with nothing when there is nothing", async () => {
    const startedAt = performance.now();
    expect(await pullNow(under.bus, LEVEL, 10)).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("returns at once with what there is when that is less than was asked", async () => {
    const seqs = await publish(3);
    const startedAt = performance.now();
    expect(seqsOf(await pullNow(under.bus, LEVEL, 10))).toEqual([...seqs]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("returns no more than was asked, and leaves the rest to others", async () => {
    const seqs = await publish(5);
    expect(seqsOf(await pullNow(under.bus, LEVEL, 2))).toEqual(seqs.slice(0, 2));
    expect(seqsOf(await pullNow(under.bus, LEVEL, 10))).toEqual(seqs.slice(2));
  });

  test("of two at once no message goes to both", async () => {
    const seqs = await publish(100);
    const all = await Promise.all([pullNow(under.bus, LEVEL, 60), pullNow(under.bus, LEVEL, 60)]);
    expect(seqsOf(all.flat()).sort((a, b) => a - b)).toEqual([...seqs]);
  });

  test("ends when there is no such consumer", async () => {
    expect(await pullNow(under.bus, { lane: "short", priority: 99 }, 1)).toEqual([]);
  });
});

describe("pullNext", () => {
  interface Watched {
    readonly events: string[];
    readonly deliveries: Delivery[];
    cancel(): void;
  }

  function watch(expiresMs: number): Watched {
    const events: string[] = [];
    const deliveries: Delivery[] = [];
    const pull = pullNext(under.bus, {
      level: LEVEL,
      expiresMs,
      onDelivery: (delivery) => {
        events.push("delivery");
        deliveries.push(delivery);
      },
      onEnd: (isServed) => events.push(isServed ? "served" : "empty"),
    });
    return { events, deliveries, cancel: () => pull.cancel() };
  }

  test("is served by the first message, once, and takes no second", async () => {
    const watched = watch(10_000);
    const seqs = [++seq, ++seq];
    await publisher.publish(seqs.map((each) => ({ dispatch: dispatchOf(each) })));
    await until("it is served", () => watched.events.length >= 2);
    expect(watched.events).toEqual(["delivery", "served"]);
    expect(seqsOf(watched.deliveries)).toEqual([seqs[0] ?? 0]);
    expect(seqsOf(await pullAll(under.bus, LEVEL, 1))).toEqual(seqs.slice(1));
  });

  test("ends empty when its time has passed", async () => {
    const watched = watch(1_000);
    await until("it ends", () => watched.events.length > 0);
    expect(watched.events).toEqual(["empty"]);
  });

  test("says nothing after it was cancelled, and takes no message from others", async () => {
    const watched = watch(10_000);
    await until("the server knows of it", async () => (await consumerInfo()).num_waiting === 1);
    watched.cancel();
    await under.bus.connection.flush();
    const seqs = await publish(1);
    expect(seqsOf(await pullNow(under.bus, LEVEL, 5))).toEqual([...seqs]);
    expect(watched.events).toEqual([]);
  });
});

describe("what is said of a delivery", () => {
  const pullOne = async () => {
    const [delivery] = await pullNow(under.bus, LEVEL, 1);
    if (delivery === undefined) throw new Error("nothing was delivered");
    return delivery;
  };

  test("an acknowledgement removes the message", async () => {
    await publish(1);
    ack(under.bus, await pullOne());
    await until(
      "it is gone",
      async () => (await under.bus.manager.streams.info(TASKS_STREAM)).state.messages === 0,
    );
  });

  test("what is given back comes again at once", async () => {
    await publish(1);
    const first = await pullOne();
    giveBack(under.bus, first);
    await under.bus.connection.flush();
    expect((await pullOne()).body).toBe(first.body);
  });

  test("what is given back for later does not come before", async () => {
    await publish(1);
    giveBack(under.bus, await pullOne(), 400);
    const startedAt = performance.now();
    expect(await pullNow(under.bus, LEVEL, 1)).toEqual([]);
    await until("it comes again", async () => (await pullNow(under.bus, LEVEL, 1)).length === 1);
    expect(performance.now() - startedAt).toBeGreaterThan(350);
  });

  test("progress leaves it with its holder", async () => {
    await publish(1);
    ackProgress(under.bus, await pullOne());
    await under.bus.connection.flush();
    expect(await pullNow(under.bus, LEVEL, 1)).toEqual([]);
    expect((await consumerInfo()).num_ack_pending).toBe(1);
  });
});

describe("when the server dies", () => {
  test("pullNow ends within seconds, and works again when the server is back", async () => {
    const own = await startBus();
    await own.server.kill9();
    const startedAt = performance.now();
    expect(await pullNow(own.bus, LEVEL, 5)).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await own.server.restart();
    const ownPublisher = new DispatchPublisher(own.bus);
    await until("it is connected again", () =>
      ownPublisher.publish([{ dispatch: dispatchOf(1) }]).then(
        () => true,
        () => false,
      ),
    );
    await until("the message comes", async () => seqsOf(await pullNow(own.bus, LEVEL, 5)).includes(1));
    await own.close();
  }, 45_000);
});
