import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { provision } from "@millrace/bus";
import { until } from "../support/bus.ts";
import {
  countRows,
  type EventsGround,
  eventOf,
  OWNER,
  publishBatch,
  startEventsGround,
} from "../support/events.ts";
import { reticent } from "../support/reticent-sql.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

let ground: EventsGround;
beforeEach(async () => {
  ground = await startEventsGround();
}, HOOK_MS);
afterEach(async () => {
  await ground.close();
}, HOOK_MS);

describe("the recorder", () => {
  test("stores every event with its fields, defaults and stray fields", async () => {
    const { bus, sql } = ground;
    const seq = await publishBatch(bus, {
      ordinal: 1,
      lines: [
        {
          ...{ timestamp: "2026-11-20T10:11:12.123456Z", type: "login", message: "tab\there\nand \\ more" },
          ...{
            source: "web",
            level: "warn",
            id: "e-1",
            attributes: { a: 1, shared: "own" },
            shared: "stray",
            extra: [1],
          },
        },
        { type: "plain", message: "ünï", timestamp: "2026-11-20T12:00:00+02:00" },
        { type: "plain", message: "number", timestamp: 1_795_168_800_000.5 },
        { type: "bare", message: "", source: null, level: null, attributes: null, id: null },
      ],
      request: { at: 1_795_250_000_000, cid: "corr-9", source: "key-source" },
    });
    ground.record();
    await ground.untilRecorded();
    const rows = await sql`select *, ts::text as at from events order by line`;
    expect(rows.map(({ seq: s, line, owner_id }) => [s, line, owner_id])).toEqual(
      [0, 1, 2, 3].map((line) => [seq, line, OWNER]),
    );
    expect(rows[0]).toMatchObject({
      ...{ type: "login", message: "tab\there\nand \\ more", source: "web", level: "warn", id: "e-1" },
      ...{ attributes: { a: 1, shared: "own", extra: [1] }, correlation_id: "corr-9" },
    });
    expect(rows[0]?.ts.toISOString()).toBe("2026-11-20T10:11:12.123Z");
    expect(rows[1]).toMatchObject({
      source: "key-source",
      level: "info",
      id: null,
      attributes: null,
      message: "ünï",
    });
    expect(rows[1]?.ts.toISOString()).toBe("2026-11-20T10:00:00.000Z");
    expect(rows[3]).toMatchObject({
      source: "key-source",
      level: "info",
      id: null,
      attributes: null,
      message: "",
    });
    expect(rows[3]?.ts.toISOString()).toBe(new Date(1_795_250_000_000).toISOString());
    const [ledger] = await sql`select * from event_batches`;
    expect(ledger).toMatchObject({
      stream_seq: seq,
      instance: "api-test",
      ordinal: 1,
      events: 4,
      stored: 4,
      rejected: 0,
    });
    const [rollups] =
      await sql`select sum(events)::integer as events, count(*)::integer as rows from event_rollups`;
    expect(rollups).toEqual({ events: 4, rows: 3 });
  });

  test("gives each event to the request that it came with", async () => {
    const { bus, sql } = ground;
    const request = { at: Date.now(), source: null, rejected: 0 };
    await publishBatch(bus, {
      ordinal: 1,
      lines: [eventOf(0), eventOf(1), eventOf(2)],
      requests: [
        { ...request, first: 0, count: 1, owner: 1, cid: "one" },
        { ...request, first: 1, count: 2, owner: 2, cid: "two", source: "billing", rejected: 5 },
      ],
    });
    ground.record();
    await ground.untilRecorded();
    expect([...(await sql`select owner_id, source, correlation_id from events order by line`)]).toEqual([
      { owner_id: 1, source: "unknown", correlation_id: "one" },
      { owner_id: 2, source: "billing", correlation_id: "two" },
      { owner_id: 2, source: "billing", correlation_id: "two" },
    ]);
    expect((await sql`select refused from event_batches`)[0]?.refused).toBe(5);
  });

  test("stores a message once, however often it is delivered and by however many recorders", async () => {
    const { bus, sql } = ground;
    for (let ordinal = 1; ordinal <= 40; ordinal++)
      await publishBatch(bus, { ordinal, lines: [eventOf(ordinal), eventOf(-ordinal)] });
    ground.record();
    ground.record();
    await ground.untilRecorded();
    // From the beginning, as after a restore: a new consumer delivers everything again.
    await bus.manager.consumers.delete("EVENTS", "recorder");
    await provision(bus);
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(80);
    expect(await countRows(sql, "event_batches")).toBe(40);
    expect((await sql`select sum(events)::integer as n from event_rollups`)[0]?.n).toBe(80);
    expect((await sql`select sum(events)::integer as n from event_rollups_hourly`)[0]?.n).toBe(80);
  });

  test("rejects lines that are no events, with reason and bytes, and stores the rest", async () => {
    const { bus, sql } = ground;
    const lines = [
      eventOf(0),
      "not json",
      '{"type":"x"}',
      '{"type":"x","message":"m","timestamp":"yesterday"}',
      '{"type":"x","message":"m","timestamp":"1999-12-31T23:59:59Z"}',
      '{"type":"x","message":"m","timestamp":"2999-01-01T00:00:00Z"}',
      "[]",
      eventOf(1),
    ];
    await publishBatch(bus, { ordinal: 1, lines });
    ground.record();
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(2);
    const rejected = await sql`select line, reason, record from rejected_events order by line`;
    expect(rejected.map(({ line, reason }) => [line, reason])).toEqual([
      [1, "BAD_JSON"],
      [2, "VALIDATION_FAILED"],
      [3, "VALIDATION_FAILED"],
      [4, "EVENT_TOO_OLD"],
      [5, "EVENT_TOO_NEW"],
      [6, "BAD_JSON"],
    ]);
    expect(rejected[0]?.record.toString()).toBe("not json");
    expect((await sql`select events, stored, rejected from event_batches`)[0]).toEqual({
      events: 8,
      stored: 2,
      rejected: 6,
    });
  });

  test("finds the record that PostgreSQL refuses among thousands, and stores its neighbours", async () => {
    const { bus, sql } = ground;
    await sql`alter table events add constraint no_poison check (message <> 'poison')`;
    for (let ordinal = 1; ordinal <= 3; ordinal++)
      await publishBatch(bus, {
        ordinal,
        lines: Array.from({ length: 2_000 }, (_, n) =>
          eventOf(n, ordinal === 2 && n === 1_234 ? { message: "poison" } : {}),
        ),
      });
    ground.record();
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(5_999);
    const rejected = await sql`select stream_seq, line, reason, detail from rejected_events`;
    expect(rejected).toHaveLength(1);
    expect(rejected[0]).toMatchObject({ line: 1_234, reason: "EVENT_NOT_STORABLE" });
    expect(rejected[0]?.detail).toContain("no_poison");
    expect((await sql`select stored, rejected from event_batches where rejected > 0`)[0]).toEqual({
      stored: 1_999,
      rejected: 1,
    });
    expect((await sql`select sum(events)::integer as n from event_rollups`)[0]?.n).toBe(5_999);
  });

  test("finds it also when the client library does not say why COPY failed, and blames no record for other failures", async () => {
    const { bus, sql, ports } = ground;
    await sql`alter table events add constraint no_poison check (message <> 'poison')`;
    const lines = Array.from({ length: 500 }, (_, n) => eventOf(n, n === 99 ? { message: "poison" } : {}));
    await publishBatch(bus, { ordinal: 1, lines });
    const recorder = ground.record({ ...ports, sql: reticent(sql) });
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(499);
    expect((await sql`select line from rejected_events`).map(({ line }) => line)).toEqual([99]);
    await recorder.stop();

    await sql`alter table events rename column message to other`; // No record can help that.
    await publishBatch(bus, { ordinal: 2, lines: [eventOf(1)] });
    ground.record({ ...ports, sql: reticent(sql) });
    await until("it was tried", () => ground.lines.some(({ kind }) => kind === "other"));
    expect(await countRows(sql, "rejected_events")).toBe(1);
    await sql`alter table events rename column other to message`;
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(500);
  });

  test("stores what PostgreSQL's text cannot hold with U+FFFD in its place", async () => {
    const { bus, sql } = ground;
    const lines = [
      String.raw`{"type":"t","message":"a\u0000b\ud800c","attributes":{"k\u0000":"v\udfff","literal":"\\u0000"}}`,
    ];
    await publishBatch(bus, { ordinal: 1, lines });
    ground.record();
    await ground.untilRecorded();
    const [row] = await sql`select message, attributes from events`;
    expect(row).toEqual({
      message: "a\ufffdb\ufffdc",
      attributes: { "k\ufffd": "v\ufffd", literal: "\\u0000" },
    });
  });

  test("stores a message that the api has not written, for operators alone", async () => {
    const { bus, sql } = ground;
    await bus.js.publish("events.cli", '{"type":"manual","message":"by hand"}\n');
    ground.record();
    await ground.untilRecorded();
    expect((await sql`select owner_id, source, message from events`)[0]).toEqual({
      owner_id: 0,
      source: "unknown",
      message: "by hand",
    });
  });

  test("counts a request that is repeated beyond the stream's memory as deduplicated", async () => {
    const { bus, sql } = ground;
    const wish = { lines: [eventOf(1), eventOf(2)], request: { ik: "0123456789abcdef", part: 0 } };
    await publishBatch(bus, { ...wish, ordinal: 1, msgId: "first" });
    await publishBatch(bus, { ...wish, ordinal: 2, msgId: "second" });
    await publishBatch(bus, {
      ...wish,
      ordinal: 3,
      msgId: "other-part",
      request: { ...wish.request, part: 1 },
    });
    ground.record();
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(4);
    expect([
      ...(await sql`select ordinal, events, stored, deduplicated from event_batches order by ordinal`),
    ]).toEqual([
      { ordinal: 1, events: 2, stored: 2, deduplicated: 0 },
      { ordinal: 2, events: 2, stored: 0, deduplicated: 2 },
      { ordinal: 3, events: 2, stored: 2, deduplicated: 0 },
    ]);
  });

  test("records the messages of a stream that was made anew, although its sequences begin again", async () => {
    const { bus, sql } = ground;
    await publishBatch(bus, { instance: "old", ordinal: 1, lines: [eventOf(1)] });
    ground.record();
    await ground.untilRecorded();
    await bus.manager.streams.delete("EVENTS");
    await provision(bus);
    await publishBatch(bus, { instance: "new", ordinal: 1, lines: [eventOf(2)] });
    await ground.untilRecorded();
    expect(await countRows(sql, "events")).toBe(2);
  });
});
