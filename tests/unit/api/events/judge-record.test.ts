import { describe, expect, test } from "bun:test";
import { isSurelyGood, judgeRecord } from "@millrace/api/events/judge-record";
import { timeBoundsAt } from "@millrace/api/events/time-bounds";
import {
  EVENT_ID_CHARS_MAX,
  EVENT_LEVEL_CHARS_MAX,
  EVENT_MESSAGE_BYTES_MAX,
  EVENT_SOURCE_CHARS_MAX,
  EVENT_TYPE_CHARS_MAX,
} from "@millrace/core/limits";
import { type EventRefusal, eventTimeMs, PlainLines, toByteText } from "@millrace/protocol/events/index";
import fc from "fast-check";

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const times = timeBoundsAt(NOW_MS);
const judgeTime = (timestamp: unknown) =>
  judgeRecord(JSON.stringify({ type: "t", message: "m", timestamp }), times)?.code;

/** The rule without its short cut. */
function exactly(timestamp: string): EventRefusal | undefined {
  const timeMs = eventTimeMs(timestamp);
  if (timeMs === undefined) return "VALIDATION_FAILED";
  if (timeMs < times.earliestMs) return "EVENT_TOO_OLD";
  return timeMs > times.latestMs ? "EVENT_TOO_NEW" : undefined;
}

const two = fc.integer({ min: 0, max: 99 }).map((n) => String(n).padStart(2, "0"));
const likely = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, "0"));
const text = fc
  .tuple(
    fc.constantFrom("1999", "2000", "2024", "2025", "2026", "2027", "2099"),
    fc.oneof(likely(13), two),
    fc.oneof(likely(32), two),
    fc.constantFrom("T", "t", " ", "_"),
    fc.oneof(likely(24), two),
    fc.oneof(likely(60), two),
    fc.oneof(likely(61), two),
    fc.constantFrom("", ".1", ".123456789", ".", ".1234567890"),
    fc.constantFrom("Z", "z", "+00:00", "-23:59", "+24:00", "", "Z "),
  )
  .map(
    ([year, month, day, t, hour, minute, second, fraction, offset]) =>
      `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${offset}`,
  );

test("the short cut for times says what the whole rule says", () => {
  fc.assert(
    fc.property(text, (timestamp) => expect(judgeTime(timestamp)).toBe(exactly(timestamp))),
    { numRuns: 20_000 },
  );
});

test("the bounds are part of what is allowed", () => {
  for (const [ms, code] of [
    [times.earliestMs, undefined],
    [times.earliestMs - 1, "EVENT_TOO_OLD"],
    [times.latestMs, undefined],
    [times.latestMs + 1, "EVENT_TOO_NEW"],
  ] as const) {
    expect(judgeTime(ms)).toBe(code);
    expect(judgeTime(new Date(ms).toISOString())).toBe(code);
  }
});

test("the text of a refusal is short and well-formed, whatever the record holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), (line) => {
      const refusal = judgeRecord(line, times);
      expect(refusal?.message.length ?? 0).toBeLessThan(200);
      expect(refusal?.message.isWellFormed() ?? true).toBe(true);
    }),
  );
});

describe("what is surely good, seen without a parser", () => {
  const isSure = (line: string): boolean => {
    const text = toByteText(line);
    const plain = new PlainLines(text);
    return plain.read(0, text.length) && isSurelyGood(plain, times);
  };
  const nearBound = (bound: number) =>
    fc
      .record({
        chars: fc.integer({ min: bound - 2, max: bound + 2 }),
        unit: fc.constantFrom("a", "é", "漢"),
      })
      .map(({ chars, unit }) => unit.repeat(chars));
  const keys = fc
    .integer({ min: 240, max: 260 })
    .map((count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [n.toString(36), 0])));
  const fields = {
    type: nearBound(EVENT_TYPE_CHARS_MAX),
    message: nearBound(EVENT_MESSAGE_BYTES_MAX),
    source: nearBound(EVENT_SOURCE_CHARS_MAX),
    level: nearBound(EVENT_LEVEL_CHARS_MAX),
    id: nearBound(EVENT_ID_CHARS_MAX),
    timestamp: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toJSON()),
      fc.constantFrom("2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01"),
    ),
    attributes: fc.oneof(keys, fc.dictionary(fc.string(), fc.oneof(fc.double(), fc.boolean(), fc.string()))),
  };
  /** Good but for one field, which may be. */
  const event = fc
    .constantFrom(...Object.entries(fields))
    .chain(([name, field]) => field.map((value) => ({ type: "t", message: "m", [name]: value })));

  test("is what the parser's judgement lets pass, too", () => {
    let sure = 0;
    fc.assert(
      fc.property(event, (each) => {
        const line = JSON.stringify(each);
        if (!isSure(line)) return;
        sure += 1;
        expect(judgeRecord(line, times)).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
    expect(sure).toBeGreaterThan(100);
  });

  test("is nearly everything that clients send", () => {
    const attributes = { method: "GET", status: 200, duration_ms: 12.5, ok: true, user: null };
    const usual = { timestamp: "2026-01-01T12:00:00.123Z", type: "http.request", message: "m", attributes };
    expect(isSure(JSON.stringify(usual))).toBe(true);
    expect(isSure(JSON.stringify({ ...usual, level: "info", source: "shop", id: "1" }))).toBe(true);
    expect(isSure(JSON.stringify({ type: "t", message: "" }))).toBe(true);
    expect(isSure(JSON.stringify({ type: "", message: "m" }))).toBe(false);
    expect(isSure(JSON.stringify({ type: "t" }))).toBe(false);
  });
});
