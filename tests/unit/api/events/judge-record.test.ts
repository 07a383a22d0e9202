import { expect, test } from "bun:test";
import { judgeRecord } from "@millrace/api/events/judge-record";
import { timeBoundsAt } from "@millrace/api/events/time-bounds";
import { type EventRefusal, eventTimeMs } from "@millrace/protocol/events/index";
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
