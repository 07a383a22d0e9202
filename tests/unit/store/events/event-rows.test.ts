import { afterAll, beforeAll, expect, test } from "bun:test";
import { toByteText } from "@millrace/protocol/events/index";
import {
  copyEvents,
  type EventFields,
  EventRows,
  openPool,
  readRow,
  type Sql,
  splitRows,
} from "@millrace/store";
import fc from "fast-check";
import { type FreshDatabase, freshDatabase } from "../../../support/servers.ts";

let database: FreshDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 2, applicationName: "test" });
}, 60_000);
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

const MINUTE_MS = 60_000;
const ORIGIN = { receivedMs: Date.UTC(2026, 0, 15), seq: 1, ownerId: 2, correlationId: "c" };
const EVENT: EventFields = {
  ...{ minuteMs: Date.UTC(2026, 0, 15, 12), micros: 0, line: 0, type: "t", level: "info", source: "s" },
  ...{ message: "m", attributes: null, id: null },
};

async function stored(rows: EventRows) {
  return await sql.begin(async (transaction) => {
    await transaction`delete from events`;
    await copyEvents(transaction, [rows.bytes], async () => {});
    return await transaction`
      select extract(epoch from ts)::numeric(30, 6)::text as ts, extract(epoch from received_at)::numeric(30, 6)::text as received,
        seq::text, owner_id::text as owner, line, type, level, source, message, attributes, id, correlation_id as cid
      from events order by seq, line`;
  });
}

const text = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .map((each) => each.replaceAll("\0", "").toWellFormed());

test("everything comes out of the table as it went into the row", async () => {
  const row = fc.record({
    minuteMs: fc.integer({ min: -1_000_000_000, max: 4_000_000_000 }).map((minutes) => minutes * MINUTE_MS),
    micros: fc.integer({ min: 0, max: 59_999_999 }),
    line: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    type: text,
    level: text,
    source: text,
    message: text,
    attributes: fc.option(fc.dictionary(text, fc.integer())),
    id: fc.option(text),
  });
  const origin = fc.record({
    receivedMs: fc.integer({ min: 0, max: Date.UTC(9999, 0) }),
    seq: fc.maxSafeNat(),
    ownerId: fc.maxSafeNat(),
    correlationId: text,
  });
  await fc.assert(
    fc.asyncProperty(origin, row, async (from, event) => {
      const rows = new EventRows(0);
      const { type, level, source, message, attributes, id } = event;
      rows.begin({ ...from, correlationId: toByteText(from.correlationId) });
      rows.add({
        ...event,
        ...{ type: toByteText(type), level: toByteText(level), source: toByteText(source) },
        ...{ message: toByteText(message), id: id === null ? null : toByteText(id) },
        attributes: attributes === null ? null : toByteText(JSON.stringify(attributes)),
      });
      const [found] = await stored(rows);
      const micros = BigInt(event.minuteMs) * 1000n + BigInt(event.micros);
      expect(found).toEqual({
        ts: seconds(micros),
        received: seconds(BigInt(from.receivedMs) * 1000n),
        ...{ seq: String(from.seq), owner: String(from.ownerId), line: event.line },
        ...{ type, level, source, message, attributes, id, cid: from.correlationId },
      });
    }),
    { numRuns: 150 },
  );
});

function seconds(micros: bigint): string {
  const sign = micros < 0n ? "-" : "";
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, "0");
  return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

test("rows of several requests keep what is theirs, however small the buffer was at first", async () => {
  const rows = new EventRows(1);
  for (const seq of [7, 8, 9]) {
    rows.begin({ ...ORIGIN, seq, correlationId: `c-${seq}` });
    for (let line = 0; line < 100; line += 1) rows.add({ ...EVENT, line, message: "m".repeat(line) });
  }
  const found = await stored(rows);
  expect(found).toHaveLength(300);
  expect(found.every(({ seq, cid }) => cid === `c-${seq}`)).toBe(true);
  expect(found.map(({ message }) => message.length)).toEqual(Array.from({ length: 300 }, (_, n) => n % 100));
});

test("rows are taken apart again, and together they are the whole", () => {
  const rows = new EventRows(10);
  rows.begin(ORIGIN);
  rows.add(EVENT);
  rows.add({ ...EVENT, line: 1, message: toByteText("漢字\n"), attributes: '{"a":1}', id: "i" });
  const split = splitRows(rows.bytes);
  expect(Buffer.concat(split)).toEqual(Buffer.from(rows.bytes));
  const received = String((ORIGIN.receivedMs - Date.UTC(2000, 0)) * 1000);
  const at = String((EVENT.minuteMs - Date.UTC(2000, 0)) * 1000);
  expect(split.map(readRow)).toEqual([
    [received, "1", "2", "c", at, "0", "t", "info", "s", "m", null, null],
    [received, "1", "2", "c", at, "1", "t", "info", "s", "漢字\n", '{"a":1}', "i"],
  ]);
  expect(splitRows(new EventRows(0).bytes)).toEqual([]);
});
