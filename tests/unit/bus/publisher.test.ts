import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ack, type Bus, type Delivery, DispatchPublisher, pullNext, pullNow } from "@millrace/bus";
import { GROUP_BYTES_MAX, PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import { TASKS_STREAM } from "@millrace/protocol";
import { type BusUnderTest, dispatchOf, LEVEL, pullAll, seqsOf, startBus, until } from "../../support/bus.ts";

let under: BusUnderTest;
let publisher: DispatchPublisher;
beforeAll(async () => {
  under = await startBus();
  publisher = new DispatchPublisher(under.bus);
});
afterEach(async () => {
  await under.bus.manager.streams.purge(TASKS_STREAM);
});
afterAll(() => under.close());

const wave = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ dispatch: dispatchOf(from + index) }));

function nextDelivery(bus: Bus): Promise<Delivery> {
  return new Promise((resolve, reject) =>
    pullNext(bus, {
      level: LEVEL,
      expiresMs: 5_000,
      onDelivery: resolve,
      onEnd: (isServed) => isServed || reject(new Error("no delivery came")),
    }),
  );
}

async function depth(): Promise<number> {
  return (await under.bus.manager.streams.info(TASKS_STREAM)).state.messages;
}

describe("messages of traces", () => {
  const cause = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 shop=42";
  const traced = (seq: number) => ({ dispatch: dispatchOf(seq, { trace_context: cause }) });

  test("carry the context of their publication, which ends when the stream has them; others carry none", async () => {
    const ended: string[] = [];
    const context = cause.replace("b7ad", "b7ae");
    const tracer = new DispatchPublisher(under.bus, undefined, (message) => ({
      context,
      fail: (code) => void ended.push(code),
      end: () => void ended.push(message.messageId),
    }));
    await tracer.publish([traced(90_001), ...wave(90_002, 1)]);
    expect(ended).toEqual([`${traced(90_001).dispatch.task_id}:1`]);
    const reader = { ...under.bus, isTraced: true };
    const deliveries = await pullAll(reader, LEVEL, 2);
    expect(deliveries.map(({ traceContext }) => traceContext)).toEqual([context, undefined]);
  });

  test("carry their task's context where nobody traces, and whoever does not trace reads none", async () => {
    await publisher.publish([traced(90_003), traced(90_004)]);
    const [first] = await pullAll({ ...under.bus, isTraced: true }, LEVEL, 1);
    expect(first?.traceContext).toBe(cause);
    const [second] = await pullAll(under.bus, LEVEL, 1);
    expect(second).not.toHaveProperty("traceContext");
  });
});

describe("messages that are due", () => {
  test("arrive once each, in their order, from one caller and from many", async () => {
    await publisher.publish(wave(1, 300));
    await Promise.all(Array.from({ length: 50 }, (_, index) => publisher.publish(wave(301 + index, 1))));
    const seqs = seqsOf(await pullAll(under.bus, LEVEL, 350));
    expect(seqs).toEqual(Array.from({ length: 350 }, (_, index) => 1 + index));
  });

  test("that are published again while they wait stay one; another attempt is another message", async () => {
    await publisher.publish(wave(1_000, 3));
    await publisher.publish([...wave(1_000, 3), { dispatch: dispatchOf(1_000, { attempt: 2 }) }]);
    expect(seqsOf(await pullAll(under.bus, LEVEL, 4))).toEqual([1_000, 1_001, 1_002, 1_000]);
  });

  test("that were lost in a purge are stored again only when they say that they were lost", async () => {
    await publisher.publish(wave(1_100, 2));
    await under.bus.manager.streams.purge(TASKS_STREAM);
    await publisher.publish(wave(1_100, 2));
    expect(await depth()).toBe(0);
    const again = wave(1_100, 2).map((outgoing) => ({ ...outgoing, lostAtMs: 1 }));
    await publisher.publish(again);
    await publisher.publish(again);
    expect(seqsOf(await pullAll(under.bus, LEVEL, 2))).toEqual([1_100, 1_101]);
    expect(await depth()).toBe(2);
  });

  test("carry the whole dispatch, and the correlation id where an operator looks for it", async () => {
    const dispatch = dispatchOf(2_000, { payload: { text: "ü\0🦦" }, correlation_id: "request-7" });
    await publisher.publish([{ dispatch }]);
    const [delivery] = await pullAll(under.bus, LEVEL, 1);
    expect(JSON.parse(delivery?.body ?? "")).toEqual(dispatch);
    const stored = await under.bus.manager.streams.getMessage(TASKS_STREAM, {
      last_by_subj: "tasks.short.p5.simulate",
    });
    expect(stored?.header.get("X-Correlation-Id")).toBe("request-7");
  });

  test("go to their own level", async () => {
    await publisher.publish([
      { dispatch: dispatchOf(3_001) },
      { dispatch: dispatchOf(3_002, { task_type: "http.request", lane: "long", priority: 10 }) },
    ]);
    expect(seqsOf(await pullAll(under.bus, { lane: "long", priority: 10 }, 1))).toEqual([3_002]);
  });

  test("of the largest size travel in waves that stay within GROUP_BYTES_MAX", async () => {
    const sizes: number[] = [];
    const { connection } = under.bus;
    let waveBytes = 0;
    const spied = new Proxy(connection, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (name !== "publish" && name !== "request")
          return typeof value === "function" ? value.bind(target) : value;
        return (...parts: [string, string, ...unknown[]]) => {
          waveBytes += parts[1].length;
          if (name === "request") sizes.push(waveBytes);
          if (name === "request") waveBytes = 0;
          return value.apply(target, parts);
        };
      },
    });
    const heavy = new DispatchPublisher({ ...under.bus, connection: spied });
    const payload = "x".repeat(PAYLOAD_BYTES_MAX - 2);
    await Promise.all(
      Array.from({ length: 80 }, (_, index) =>
        heavy.publish([{ dispatch: dispatchOf(5_000 + index, { payload }) }]),
      ),
    );
    expect(await depth()).toBe(80);
    expect(sizes.length).toBeGreaterThan(1);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(GROUP_BYTES_MAX);
  });
});

describe("messages for later", () => {
  test("arrive at their time, not before", async () => {
    const dueAtMs = Date.now() + 700;
    await publisher.publish([{ dispatch: dispatchOf(1), dueAtMs }]);
    expect(await pullNow(under.bus, LEVEL, 1)).toEqual([]);
    const delivery = await nextDelivery(under.bus);
    expect(Date.now()).toBeGreaterThanOrEqual(dueAtMs - 5);
    expect(seqsOf([delivery])).toEqual([1]);
    ack(under.bus, delivery);
  });

  test("are replaced by a later word about the same task", async () => {
    await publisher.publish([{ dispatch: dispatchOf(1, { attempt: 2 }), dueAtMs: Date.now() + 400 }]);
    await publisher.publish([{ dispatch: dispatchOf(1, { attempt: 3 }), dueAtMs: Date.now() + 900 }]);
    expect(await depth()).toBe(1);
    expect(JSON.parse((await nextDelivery(under.bus)).body).attempt).toBe(3);
    expect(await pullNow(under.bus, LEVEL, 1)).toEqual([]);
  });

  test("of different tasks do not replace each other", async () => {
    const dueAtMs = Date.now() + 60_000;
    await publisher.publish([1, 2, 3].map((seq) => ({ dispatch: dispatchOf(seq), dueAtMs })));
    expect(await depth()).toBe(3);
  });

  test("whose time has passed arrive at once", async () => {
    await publisher.publish([{ dispatch: dispatchOf(4_000), dueAtMs: Date.now() - 1_000 }]);
    expect(seqsOf(await pullAll(under.bus, LEVEL, 1))).toEqual([4_000]);
  });
});

/** A publish that got no answer is repeated after five seconds, three times. */
const RIDE_OUT_MS = 45_000;

describe("when the server dies", () => {
  test(
    "in the midst of waves: publish resolves, or rejects with BUS_UNAVAILABLE, and repeating it is harmless",
    async () => {
      const own = await startBus();
      const ownPublisher = new DispatchPublisher(own.bus);
      const waves = Array.from({ length: 20 }, (_, index) => wave(1 + index * 100, 100));
      const outcomes: Promise<string>[] = [];
      for (const [index, messages] of waves.entries()) {
        const outcome = ownPublisher.publish(messages).then(
          () => "published",
          (error) => error.code,
        );
        outcomes.push(outcome);
        if (index === 3) await outcome; // By now some waves are in, and some are under way.
        if (index === 8) void own.server.kill9().then(() => own.server.restart());
      }
      expect(["published", "BUS_UNAVAILABLE"]).toEqual(
        expect.arrayContaining([...new Set(await Promise.all(outcomes))]),
      );
      for (const messages of waves) await ownPublisher.publish(messages);
      const seen = new Set<number>();
      await until("every message has come", async () => {
        for (const seq of seqsOf(await pullNow(own.bus, LEVEL, 1_000))) seen.add(seq);
        return seen.size === 2_000;
      });
      await own.close();
    },
    RIDE_OUT_MS,
  );

  test("and does not come back, publish rejects with BUS_UNAVAILABLE instead of waiting for ever", async () => {
    const own = await startBus();
    const ownPublisher = new DispatchPublisher(own.bus);
    await own.bus.connection.close();
    const refused = await ownPublisher.publish(wave(1, 2)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
    await ownPublisher.drain();
    await own.close();
  });

  test("a stream that was deleted makes publish reject, and the next one after it was made again resolves", async () => {
    const own = await startBus();
    const ownPublisher = new DispatchPublisher(own.bus);
    const config = (await own.bus.manager.streams.info(TASKS_STREAM)).config;
    await own.bus.manager.streams.delete(TASKS_STREAM);
    expect(await ownPublisher.publish(wave(1, 1)).catch((error) => error.code)).toBe("BUS_UNAVAILABLE");
    await own.bus.manager.streams.add(config);
    expect(await ownPublisher.publish(wave(1, 1))).toEqual([true]);
    await own.close();
  });
});
