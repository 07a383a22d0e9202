import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ackEvents, pullEvents, readEventsState } from "@millrace/bus";
import { keepDays } from "@millrace/recorder/keep-days";
import { trimStream } from "@millrace/recorder/trim-stream";
import { listEvents } from "@millrace/store";
import { countRows, type EventsGround, eventOf, publishBatch, startEventsGround } from "../support/events.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

const DAY_MS = 86_400_000;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10).replaceAll("-", "");
const iso = (ms: number): string => new Date(ms).toISOString();

let ground: EventsGround;
beforeEach(async () => {
  ground = await startEventsGround({ retentionDays: 30 });
}, HOOK_MS);
afterEach(async () => {
  await ground.close();
}, HOOK_MS);

async function partitions(): Promise<string[]> {
  const rows = await ground.sql<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'events'::regclass order by 1`;
  return rows.map(({ name }) => name);
}

async function homesOf(): Promise<Record<string, string>> {
  const rows = await ground.sql<
    { id: string; home: string }[]
  >`select id, tableoid::regclass::text as home from events`;
  return Object.fromEntries(rows.map(({ id, home }) => [id, home]));
}

describe("days", () => {
  test("an event goes to its day; a late one to a new partition; one from before the retention to the default one", async () => {
    const now = Date.now();
    await publishBatch(ground.bus, {
      ordinal: 1,
      lines: [
        eventOf(1, { id: "now", timestamp: iso(now) }),
        eventOf(2, { id: "late", timestamp: iso(now - 20 * DAY_MS) }),
        eventOf(3, { id: "ancient", timestamp: "2003-02-01T00:00:00Z" }),
        eventOf(4, { id: "early", timestamp: iso(now + DAY_MS - 60_000) }),
      ],
    });
    ground.record();
    await ground.untilRecorded();
    expect(await homesOf()).toEqual({
      now: `events_${day(now)}`,
      late: `events_${day(now - 20 * DAY_MS)}`,
      ancient: "events_default",
      early: `events_${day(now + DAY_MS - 60_000)}`,
    });
  });

  test("late events are stored also while somebody keeps the default partition locked", async () => {
    const now = Date.now();
    const held = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holder = ground.sql.begin(async (transaction) => {
      await transaction`lock table events_default in access share mode`;
      locked.resolve();
      await held.promise;
    });
    await locked.promise;
    await publishBatch(ground.bus, {
      ordinal: 1,
      lines: [eventOf(1, { id: "late", timestamp: iso(now - 9 * DAY_MS) })],
    });
    ground.record();
    await ground.untilRecorded();
    expect(await homesOf()).toEqual({ late: "events_default" });
    held.resolve();
    await holder;
  });

  test("whole days are dropped when their time is over, late events when theirs is, and their counts with them", async () => {
    const now = Date.now();
    await publishBatch(ground.bus, {
      ordinal: 1,
      lines: [
        eventOf(1, { id: "old", timestamp: iso(now - 29 * DAY_MS) }),
        eventOf(2, { id: "new", timestamp: iso(now) }),
        eventOf(3, { id: "ancient", timestamp: "2003-02-01T00:00:00Z" }),
        "rejected",
      ],
    });
    ground.record();
    await ground.untilRecorded();
    await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: false, nowMs: now });
    expect(Object.keys(await homesOf()).sort()).toEqual(["ancient", "new", "old"]);
    await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: false, nowMs: now + 3 * DAY_MS });
    expect(Object.keys(await homesOf()).sort()).toEqual(["ancient", "new"]);
    expect(await partitions()).not.toContain(`events_${day(now - 29 * DAY_MS)}`);
    await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: false, nowMs: now + 32 * DAY_MS });
    expect(await homesOf()).toEqual({});
    expect(await countRows(ground.sql, "event_rollups")).toBe(0);
    expect(await countRows(ground.sql, "event_rollups_hourly")).toBe(0);
    expect(await countRows(ground.sql, "rejected_events")).toBe(0);
  });

  test("partitions of the coming days are made ahead, once", async () => {
    const inAWeek = `events_${day(Date.now() + 8 * DAY_MS)}`;
    await ground.sql`drop table ${ground.sql(inAWeek)}`;
    expect(await ground.ports.days.makeComing()).toBe(1);
    expect(await ground.ports.days.makeComing()).toBe(0);
    expect(await partitions()).toContain(inAWeek);
  });
});

test("the index for text is made from today on when it is wanted, and goes when it is not", async () => {
  const now = Date.now();
  const indexes = async () =>
    (
      await ground.sql`select indexname from pg_indexes where indexname ~ '^events_[0-9]{8}_text$' order by 1`
    ).map(({ indexname }) => indexname);
  await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: true, nowMs: now });
  expect(await indexes()).toEqual(
    Array.from({ length: 9 }, (_, n) => `events_${day(now + n * DAY_MS)}_text`),
  );
  await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: true, nowMs: now });
  expect(await indexes()).toHaveLength(9);
  await publishBatch(ground.bus, { ordinal: 1, lines: [eventOf(1, { message: "a Needle in" }), eventOf(2)] });
  ground.record();
  await ground.untilRecorded();
  const found = await listEvents(ground.sql, {
    ...{ filter: { ownerId: null, text: "needle" }, fromMs: 0, toMs: now + DAY_MS, limit: 10, after: null },
    ...{ direction: "older", isTextIndexed: true, deadlineMs: now + 60_000 },
  });
  expect(found.events.map(({ message }) => message)).toEqual(["a Needle in"]);
  await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: false, nowMs: now });
  expect(await indexes()).toEqual([]);
});

describe("the stream behind the recorder", () => {
  const publish = async (count: number): Promise<void> => {
    for (let ordinal = 1; ordinal <= count; ordinal++)
      await publishBatch(ground.bus, { ordinal, lines: [eventOf(ordinal, { message: "x".repeat(1_000) })] });
  };

  test("is purged when it is recorded and older than the window", async () => {
    await publish(5);
    ground.record();
    await ground.untilRecorded();
    expect(await trimStream(ground.ports, { ageMs: 60_000 })).toBeNull();
    expect((await readEventsState(ground.bus)).firstSeq).toBe(1);
    expect(await trimStream(ground.ports, { ageMs: 0 })).toBe(5);
    expect((await readEventsState(ground.bus)).firstSeq).toBe(6);
  });

  test("keeps no more bytes than its window has", async () => {
    await publish(20);
    ground.record();
    await ground.untilRecorded();
    const { bytes } = await readEventsState(ground.bus);
    await trimStream(ground.ports, { ageMs: 3_600_000, bytesMax: bytes / 2 });
    const left = await readEventsState(ground.bus);
    expect(left.bytes).toBeLessThanOrEqual(bytes / 2);
    expect(left.firstSeq).toBeLessThan(20);
  });

  test("keeps what is not recorded, however old it is", async () => {
    await publish(3);
    expect(await trimStream(ground.ports, { ageMs: 0, bytesMax: 0 })).toBeNull();
    expect((await readEventsState(ground.bus)).firstSeq).toBe(1);
  });

  test("is not purged of what somebody else has acknowledged: that is recorded first", async () => {
    await publish(3);
    const stolen = await pullEvents(ground.bus, { batch: 3, bytesMax: 4_000_000, waitMs: 0 });
    ackEvents(ground.bus, stolen);
    await ground.untilRecorded();
    expect(await countRows(ground.sql, "events")).toBe(0);
    await trimStream(ground.ports, { ageMs: 0 });
    expect(await countRows(ground.sql, "events")).toBe(3);
    expect((await readEventsState(ground.bus)).firstSeq).toBe(4);
    expect(ground.lines.filter(({ level }) => level === "WARNING")).toHaveLength(3);
  });

  test("the ledger forgets what has left the stream long ago, and nothing that is in it", async () => {
    await publish(4);
    ground.record();
    await ground.untilRecorded();
    await ground.sql`update event_batches set recorded_at = recorded_at - interval '8 days'`;
    await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: false, nowMs: Date.now() });
    expect(await countRows(ground.sql, "event_batches")).toBe(4);
    await trimStream(ground.ports, { ageMs: 0 });
    await keepDays(ground.ports, { retentionDays: 30, isTextIndexed: false, nowMs: Date.now() });
    expect(await countRows(ground.sql, "event_batches")).toBe(0);
  });
});
