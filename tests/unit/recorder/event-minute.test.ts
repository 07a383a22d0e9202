import { describe, expect, test } from "bun:test";
import { eventTimeMs } from "@millrace/protocol/events/index";
import { EventMinutes, momentOf } from "@millrace/recorder/event-minute";
import fc from "fast-check";

describe("the minute of an event", () => {
  test("is the same by the short way as by the long one", () => {
    const minutes = new EventMinutes();
    const micros = fc.integer({ min: 946_684_800_000_000, max: 4_000_000_000_000_000 });
    fc.assert(
      fc.property(micros, (us) => {
        const wholeMs = Math.floor(us / 1_000);
        const text = `${new Date(wholeMs).toISOString().slice(0, -1)}${String(us % 1_000).padStart(3, "0")}Z`;
        const long = eventTimeMs(text) ?? 0;
        const minuteMs = Math.floor(long / 60_000) * 60_000;
        expect(minutes.read(text)).toEqual({ minuteMs, micros: us - minuteMs * 1_000 });
      }),
    );
  });

  test.each([
    ["2026-01-31T23:59:59.9999999Z", "2026-01-31T23:59:59.999999Z"],
    ["2026-01-31T23:59:59.999999999+01:00", "2026-01-31T22:59:59.999999Z"],
    ["2026-01-31t01:02:03z", "2026-01-31T01:02:03.000Z"],
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
    [1_700_000_000_123.25, "2023-11-14T22:13:20.123250Z"],
  ])("%p is cut to microseconds, not rounded into another minute: %s", (given, ts) => {
    const moment = new EventMinutes().read(given);
    const wholeMs = Date.parse(ts);
    const micros = Number(ts.slice(23, -1).padEnd(3, "0"));
    expect((moment?.minuteMs ?? 0) + (moment?.micros ?? 0) / 1_000).toBe(wholeMs + micros / 1_000);
  });

  test.each([
    "2026-02-30T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31",
    "",
    "now",
    null,
    {},
    Number.NaN,
    1e300,
  ])("%p is no time", (given) => {
    const minutes = new EventMinutes();
    expect(minutes.read(given)).toBeUndefined();
    expect(minutes.read(given)).toBeUndefined();
  });

  test("a moment beyond what a date can hold is none", () => {
    expect(momentOf(undefined)).toBeUndefined();
    expect(momentOf(9e15)).toBeUndefined();
  });
});
