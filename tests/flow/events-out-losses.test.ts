import { afterEach, beforeEach, expect, test } from "bun:test";
import { startMarkTeller } from "@millrace/api/events/mark-teller";
import { readInFlight } from "@millrace/api/events-query/in-flight";
import { QueryGate } from "@millrace/api/events-query/query-gate";
import { showLedger } from "@millrace/api/events-query/show-ledger";
import { EventPublisher, readEventsState } from "@millrace/bus";
import { createMetrics } from "@millrace/observe";
import { audit } from "@millrace/recorder/audit";
import { createRecorderMetrics } from "@millrace/recorder/metrics";
import { noteMarks } from "@millrace/store";
import { until } from "../support/bus.ts";
import { countRows, type EventsGround, eventOf, OWNER, startEventsGround } from "../support/events.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;
const NOW_TIMES = { graceMs: 0, sinceMs: 600_000 };

let ground: EventsGround;
let publisher: EventPublisher;
beforeEach(async () => {
  ground = await startEventsGround();
  publisher = new EventPublisher(ground.bus, { deadlineMs: 1_000 });
}, HOOK_MS);
afterEach(async () => {
  await ground.close();
}, HOOK_MS);

/** As an api process does; answers with the sequence. */
async function publish(events: number): Promise<number> {
  const lines = Array.from({ length: events }, (_, n) => JSON.stringify(eventOf(n)));
  const request = {
    first: 0,
    count: events,
    owner: OWNER,
    at: Date.now(),
    cid: "c",
    source: null,
    rejected: 0,
  };
  return await publisher.publish({
    door: "http",
    ...{ body: Buffer.from(lines.join("\n")), events, requests: [request] },
  });
}

async function tellMarks(): Promise<void> {
  const marks = publisher.marks();
  await noteMarks(ground.sql, marks);
  publisher.marksTold(marks);
}

const ledger = () => {
  const { bus, sql } = ground;
  const ports = { eventQueries: new QueryGate(sql, { atOnce: 3 }), eventsInFlight: () => readInFlight(bus) };
  return showLedger(ports, { fromMs: Date.now() - 3_600_000, toMs: Date.now() + 60_000 });
};
const errors = () => ground.lines.filter(({ level }) => level === "ERROR");

async function expectLoss({ messages, events }: { messages: number; events: number }): Promise<void> {
  await Bun.sleep(2); // Clocks are read in whole milliseconds, and the mark was told in this one.
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(events);
  const view = await ledger();
  expect(view).toMatchObject({ unaccounted_events: events, lost_messages: messages, lost_events: events });
  expect(view.is_even).toBe(events === 0);
  if (events === 0) expect(view.alert).toBeNull();
  else expect(view.alert).toMatchObject({ code: "EVENTS_UNACCOUNTED", severity: "critical" });
  const sum = (field: "accepted" | "stored" | "difference") =>
    view.minutes.reduce((total, line) => total + line[field], 0);
  expect(sum("difference")).toBe(events);
  expect(sum("accepted") - sum("stored")).toBe(events);
}

test("the end of the stream purged by hand while the recorder was away: missing to the event, and told as an alert", async () => {
  await publish(10);
  const kept = await publish(20);
  await publish(30);
  await publish(40);
  await tellMarks();
  await ground.bus.manager.streams.purge("EVENTS", { seq: kept + 1 }); // The beginning, too.
  await ground.bus.manager.streams.deleteMessage("EVENTS", kept + 2);
  ground.record();
  await until("the one that is left is stored", async () => (await countRows(ground.sql, "events")) === 30);
  await until("it is acknowledged", async () => (await readEventsState(ground.bus)).unrecorded === 0);
  await expectLoss({ messages: 3, events: 70 });
  await expectLoss({ messages: 3, events: 70 });
  expect(
    errors().map(({ first_ordinal, last_ordinal, events, alert }) => [
      first_ordinal,
      last_ordinal,
      events,
      alert,
    ]),
  ).toEqual([
    [1, 2, 30, "EVENTS_UNACCOUNTED"],
    [4, 4, 40, "EVENTS_UNACCOUNTED"],
  ]);
});

test("everything purged, and nothing published since: missing all the same; what comes later is not", async () => {
  await publish(7);
  await publish(8);
  await tellMarks();
  await ground.bus.manager.streams.purge("EVENTS");
  ground.record();
  await ground.untilRecorded();
  await expectLoss({ messages: 2, events: 15 });
  await publish(9);
  await tellMarks();
  await ground.untilRecorded();
  await expectLoss({ messages: 2, events: 15 });
  expect(errors()).toHaveLength(1);
});

test("an end that is lost twice grows the loss, and counts nothing twice", async () => {
  const recorder = ground.record();
  await publish(1);
  await ground.untilRecorded();
  await recorder.stop();
  for (const [events, messages, lost] of [
    [5, 1, 5],
    [6, 2, 11],
  ] as const) {
    await ground.bus.manager.streams.deleteMessage("EVENTS", await publish(events));
    await tellMarks();
    await expectLoss({ messages, events: lost });
  }
  ground.record();
  await publish(7);
  await ground.untilRecorded();
  await tellMarks();
  await expectLoss({ messages: 2, events: 11 });
  expect(errors().map(({ events }) => events)).toEqual([5, 11]);
});

test("numbers that were given up are no loss, and their events do not count", async () => {
  const { manager } = ground.bus;
  const { config } = await manager.streams.info("EVENTS");
  await publish(3);
  await manager.streams.update("EVENTS", { ...config, max_bytes: 1_000 });
  await expect(publish(50)).rejects.toMatchObject({ code: "EVENTS_BACKLOG" });
  await tellMarks();
  const recorder = ground.record();
  await ground.untilRecorded();
  await expectLoss({ messages: 0, events: 0 });
  await recorder.stop();
  await manager.streams.update("EVENTS", { ...config, max_bytes: 1e9 });
  await expect(publish(4)).resolves.toBeGreaterThan(0);
  await ground.bus.manager.streams.deleteMessage("EVENTS", await publish(5));
  await tellMarks();
  ground.record();
  await until("the one that is left is stored", async () => (await countRows(ground.sql, "events")) === 7);
  await until("it is acknowledged", async () => (await readEventsState(ground.bus)).unrecorded === 0);
  await expectLoss({ messages: 1, events: 5 });
});

test("what waits in the stream is not missing, however far the marks are ahead of the recorder", async () => {
  for (let n = 0; n < 5; n++) await publish(2);
  await tellMarks();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(0);
  const before = await ledger();
  expect(before).toMatchObject({ is_even: true, alert: null, in_flight_messages: 5 });
  ground.record();
  await ground.untilRecorded();
  await expectLoss({ messages: 0, events: 0 });
  expect(errors()).toEqual([]);
});

test("an instance whose ledger rows were forgotten goes on without a loss", async () => {
  ground.record();
  await publish(2);
  await publish(3);
  await tellMarks();
  await ground.untilRecorded();
  await expectLoss({ messages: 0, events: 0 });
  await ground.sql`delete from event_batches`;
  const next = await publish(4);
  await ground.untilRecorded();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(0);
  await ground.bus.manager.streams.deleteMessage("EVENTS", next);
  await ground.sql`delete from event_batches`;
  await publish(5);
  await ground.untilRecorded();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(4);
});

test("with NATS away the audit still sees what is missing in between, and waits with the end", async () => {
  ground.record();
  await publish(1);
  await publish(2);
  await publish(3);
  await tellMarks();
  await ground.untilRecorded();
  await ground.sql`delete from event_batches where ordinal = 2`;
  await ground.nats.kill9();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(2);
  await ground.nats.restart();
}, 60_000);

test("the metric counts events", async () => {
  const metrics = createMetrics({ service: "recorder" });
  const ports = { ...ground.ports, metrics: createRecorderMetrics(metrics) };
  await publish(12);
  await tellMarks();
  await ground.bus.manager.streams.purge("EVENTS");
  await Bun.sleep(2);
  await audit(ports, NOW_TIMES);
  const text = await metrics.render();
  expect(text).toMatch(/^millrace_events_unaccounted(\{[^}]*\})? 12$/m);
  expect(text).toMatch(/^millrace_event_messages_unaccounted(\{[^}]*\})? 1$/m);
});

test("marks are told about once a round while events come, never when none do, and a last time at the end", async () => {
  const told: number[] = [];
  let isAway = true;
  const stop = startMarkTeller(
    publisher,
    async (marks) => {
      if (isAway) throw new Error("the database is away");
      told.push(...marks.map(({ ordinal }) => ordinal));
    },
    5,
  );
  await publish(1);
  await Bun.sleep(20); // Rounds that fail.
  isAway = false;
  await until("it is told", () => told.length > 0);
  const count = told.length;
  await Bun.sleep(30); // Rounds with nothing to tell.
  expect(told).toHaveLength(count);
  await publish(1);
  await stop();
  expect(told.at(-1)).toBe(2);
});
