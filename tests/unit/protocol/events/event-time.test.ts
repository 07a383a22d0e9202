import { expect, test } from "bun:test";
import { eventTimeMs } from "@millrace/protocol/events/event-time";
import fc from "fast-check";

test.each([
  ["2026-01-15T12:00:00Z", Date.UTC(2026, 0, 15, 12)],
  ["2026-01-15T12:00:00.5Z", Date.UTC(2026, 0, 15, 12) + 500],
  ["2026-01-15t12:00:00.123456789z", Date.UTC(2026, 0, 15, 12) + 123.456789],
  ["2026-01-15 12:00:00+02:00", Date.UTC(2026, 0, 15, 10)],
  ["2026-01-15T12:00:00-05:30", Date.UTC(2026, 0, 15, 17, 30)],
  ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
  ["2016-12-31T23:59:60Z", Date.UTC(2017, 0, 1)],
  [1_780_000_000_000, 1_780_000_000_000],
])("%p is a time", (timestamp, ms) => {
  expect(eventTimeMs(timestamp)).toBeCloseTo(ms, 3);
});

test.each([
  "",
  "now",
  "2026-01-15",
  "2026-01-15T12:00:00",
  "2026-13-15T12:00:00Z",
  "2026-02-30T12:00:00Z",
  "2025-02-29T12:00:00Z",
  "2026-01-15T24:00:00Z",
  "2026-01-15T12:60:00Z",
  "2026-01-15T12:00:61Z",
  "2026-01-15T12:00:00+24:00",
  "2026-01-15T12:00:00.Z",
  "2026-01-15T12:00:00.1234567890Z",
  " 2026-01-15T12:00:00Z",
  "2026-01-15T12:00:00Z\n",
  "１９９９-01-15T12:00:00Z",
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  {},
])("%p is none", (timestamp) => {
  expect(eventTimeMs(timestamp)).toBeUndefined();
});

test("what JavaScript prints is read as the same millisecond", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }), (date) => {
      expect(eventTimeMs(date.toISOString())).toBeCloseTo(date.getTime(), 6);
    }),
  );
});
