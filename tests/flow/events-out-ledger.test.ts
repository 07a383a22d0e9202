import { afterEach, beforeEach, expect, test } from "bun:test";
import { readInFlight } from "@millrace/api/events-query/in-flight";
import { QueryGate } from "@millrace/api/events-query/query-gate";
import { showLedger } from "@millrace/api/events-query/show-ledger";
import { readEventsState } from "@millrace/bus";
import { audit } from "@millrace/recorder/audit";
import { createProgressTeller } from "@millrace/recorder/tell-progress";
import { until } from "../support/bus.ts";
import { type EventsGround, eventOf, publishBatch, startEventsGround } from "../support/events.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

let ground: EventsGround;
beforeEach(async () => {
  ground = await startEventsGround();
}, HOOK_MS);
afterEach(async () => {
  await ground.close();
}, HOOK_MS);

const NOW_TIMES = { graceMs: 0, sinceMs: 60_000 };

const ledger = () => {
  const { bus, sql } = ground;
  const ports = { eventQueries: new QueryGate(sql, { atOnce: 3 }), eventsInFlight: () => readInFlight(bus) };
  return showLedger(ports, { fromMs: Date.now() - 3_600_000, toMs: Date.now() + 60_000 });
};
const errors = () => ground.lines.filter(({ level }) => level === "ERROR");

async function publish(ordinals: readonly number[], instance = "api-1"): Promise<number[]> {
  const seqs: number[] = [];
  for (const ordinal of ordinals)
    seqs.push(
      await publishBatch(ground.bus, {
        ...{ instance, ordinal, before: 3 * (ordinal - 1) },
        lines: [eventOf(1), "bad", eventOf(2)],
      }),
    );
  return seqs;
}

test("accepted = stored + rejected + deduplicated + in flight, before and after recording", async () => {
  await publish([1, 2, 3]);
  await until("they wait", async () => (await readEventsState(ground.bus)).unrecorded === 3);
  const before = await ledger();
  expect(before).toMatchObject({ is_even: true, in_flight_messages: 3, is_partial: false, lost_messages: 0 });
  expect(before.minutes.reduce((sum, line) => sum + line.in_flight, 0)).toBe(9);
  const ik = { ik: "00112233445566ff", part: 0 };
  await publishBatch(ground.bus, {
    ordinal: 4,
    instance: "api-1",
    lines: [eventOf(1)],
    request: ik,
    msgId: "a",
  });
  await publishBatch(ground.bus, {
    ordinal: 5,
    instance: "api-1",
    lines: [eventOf(1)],
    request: ik,
    msgId: "b",
  });
  ground.record();
  await ground.untilRecorded();
  const after = await ledger();
  expect(after).toMatchObject({ is_even: true, in_flight_messages: 0 });
  const sum = (field: "accepted" | "stored" | "rejected" | "deduplicated" | "in_flight") =>
    after.minutes.reduce((total, line) => total + line[field], 0);
  expect([sum("accepted"), sum("stored"), sum("rejected"), sum("deduplicated"), sum("in_flight")]).toEqual([
    11, 7, 3, 1, 0,
  ]);
  await audit(ground.ports, NOW_TIMES);
  expect(errors()).toEqual([]);
  expect(ground.ports.progress.unaccounted).toBe(0);
});

test("a message that vanished from the stream before it was recorded is noticed, told once, and shown", async () => {
  const seqs = await publish([1, 2, 3, 4]);
  await ground.bus.manager.streams.deleteMessage("EVENTS", seqs[1] ?? 0);
  ground.record();
  await ground.untilRecorded();
  await audit(ground.ports, NOW_TIMES);
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(3);
  expect(errors()).toHaveLength(1);
  expect(errors()[0]).toMatchObject({
    instance: "api-1",
    first_ordinal: 2,
    last_ordinal: 2,
    messages: 1,
    events: 3,
  });
  expect(await ledger()).toMatchObject({ is_even: false, lost_messages: 1, lost_events: 3 });
});

test("a ledger row that vanished is noticed", async () => {
  await publish([1, 2, 3]);
  ground.record();
  await ground.untilRecorded();
  await ground.sql`delete from event_batches where ordinal = 1`;
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(3);
  expect(await ledger()).toMatchObject({ is_even: false, lost_messages: 1, lost_events: 3 });
});

test("a ledger row that was changed makes the minute uneven", async () => {
  await publish([1]);
  ground.record();
  await ground.untilRecorded();
  await ground.sql`update event_batches set stored = stored - 1`;
  const view = await ledger();
  expect(view.is_even).toBe(false);
  expect(view.minutes.at(-1)?.difference).toBe(1);
});

test("a number that its api process gave up is no loss, whether it is told before or after", async () => {
  await publish([1, 3]);
  await publishBatch(ground.bus, { instance: "api-1", ordinal: 6, voided: [2, 4, 5], lines: [eventOf(1)] });
  ground.record();
  await ground.untilRecorded();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(0);
  expect((await ledger()).is_even).toBe(true);
});

test("a loss is taken back when the message turns up after all", async () => {
  await publish([1, 3]);
  ground.record();
  await ground.untilRecorded();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(3);
  await publish([2]);
  await ground.untilRecorded();
  await audit(ground.ports, NOW_TIMES);
  expect(ground.ports.progress.unaccounted).toBe(0);
  expect((await ledger()).is_even).toBe(true);
});

test("a gap that is younger than the grace is not told yet", async () => {
  await publish([1, 3]);
  ground.record();
  await ground.untilRecorded();
  await audit(ground.ports, { graceMs: 60_000, sinceMs: 900_000 });
  expect(errors()).toEqual([]);
});

test("the recorder tells how many messages, events and seconds it is behind", async () => {
  await publish([1, 2]);
  // A consumer hears of a message a moment after its publisher does.
  await until("both wait", async () => (await readEventsState(ground.bus)).unrecorded === 2);
  let nowMs = Date.now();
  const tell = createProgressTeller(ground.ports, () => nowMs);
  nowMs += 30_000;
  await tell();
  const { lag } = ground.ports.progress;
  expect(lag.messages).toBe(2);
  expect(lag.seconds).toBeGreaterThan(29);
  expect(lag.seconds).toBeLessThan(40);
  ground.record();
  await ground.untilRecorded();
  nowMs = Date.now();
  await tell();
  expect(ground.ports.progress.describe()).toMatchObject({
    lag_messages: 0,
    lag_seconds: 0,
    stored: 4,
    rejected: 2,
  });
});

test("what was rejected is named by kind, with the beginning of one and when", async () => {
  await publish([1, 2]);
  await publishBatch(ground.bus, {
    ...{ instance: "api-1", ordinal: 3, before: 6 },
    lines: ['{"type":5}', "{\0\u00ff\\"],
  });
  ground.record();
  await ground.untilRecorded();
  const { rejections, is_even } = await ledger();
  expect(is_even).toBe(true);
  expect(rejections.map(({ reason, detail, records }) => [reason, detail, records])).toEqual([
    ["BAD_JSON", "the line is not a JSON object", 3],
    ["VALIDATION_FAILED", "type", 1],
  ]);
  expect(rejections.map(({ example }) => example)).toEqual(["bad", '{"type":5}']);
  for (const { last_rejected_at } of rejections) expect(Date.parse(last_rejected_at)).toBeGreaterThan(0);
});
