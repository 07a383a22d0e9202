import { afterAll, beforeAll, expect, test } from "bun:test";
import { ack, DispatchPublisher, provision, readQueueHead, readTasksStream } from "@millrace/bus";
import { TASKS_STREAM } from "@millrace/protocol";
import { type BusUnderTest, dispatchOf, LEVEL, pullAll, startBus, until } from "../../support/bus.ts";

let under: BusUnderTest;
let publisher: DispatchPublisher;
beforeAll(async () => {
  under = await startBus();
  publisher = new DispatchPublisher(under.bus);
});
afterAll(() => under.close());

const head = () => readQueueHead(under.bus, LEVEL);

test("follows the queue: empty, waiting, delivered, acknowledged", async () => {
  expect(await head()).toEqual({ oldestAt: null, pending: 0, ackPending: 0 });
  const before = Date.now();
  await publisher.publish([{ dispatch: dispatchOf(1, { priority: 6 }) }]); // Of another level.
  await publisher.publish([1, 2, 3].map((seq) => ({ dispatch: dispatchOf(seq + 10) })));
  await until("the consumer knows of them", async () => (await head()).pending === 3);
  const waiting = await head();
  expect(waiting).toMatchObject({ pending: 3, ackPending: 0 });
  expect(waiting.oldestAt?.getTime()).toBeGreaterThanOrEqual(before - 5);
  expect(waiting.oldestAt?.getTime()).toBeLessThanOrEqual(Date.now() + 5);

  const [first, second] = await pullAll(under.bus, LEVEL, 2);
  expect(await head()).toMatchObject({ pending: 1, ackPending: 2 });
  if (first === undefined || second === undefined) throw new Error("two should have come");
  for (const delivery of [first, second, ...(await pullAll(under.bus, LEVEL, 1))]) ack(under.bus, delivery);
  await until("all are acknowledged", async () => (await head()).ackPending === 0);
  expect(await head()).toEqual({ oldestAt: null, pending: 0, ackPending: 0 });
});

test("the oldest is the oldest that was never delivered", async () => {
  await publisher.publish([{ dispatch: dispatchOf(20) }]);
  await pullAll(under.bus, LEVEL, 1);
  const between = Date.now();
  await publisher.publish([{ dispatch: dispatchOf(21) }]);
  await until("the consumer knows of it", async () => (await head()).pending === 1);
  expect((await head()).oldestAt?.getTime()).toBeGreaterThanOrEqual(between - 5);
});

test("the stream's age starts anew when it is made anew, and is unknown while there is none", async () => {
  const { config } = await under.bus.manager.streams.info(TASKS_STREAM);
  const first = await readTasksStream(under.bus);
  expect(first?.hasAllConsumers).toBe(true);
  await under.bus.manager.streams.delete(TASKS_STREAM);
  expect(await readTasksStream(under.bus)).toBeNull();
  await under.bus.manager.streams.add(config);
  const second = await readTasksStream(under.bus);
  expect(second?.createdAt.getTime()).toBeGreaterThan(first?.createdAt.getTime() ?? 0);
  expect(second?.hasAllConsumers).toBe(false);
});

test("a single consumer that is missing is noticed", async () => {
  await provision(under.bus);
  expect((await readTasksStream(under.bus))?.hasAllConsumers).toBe(true);
  await under.bus.manager.consumers.delete(TASKS_STREAM, "long-p3");
  expect((await readTasksStream(under.bus))?.hasAllConsumers).toBe(false);
});
