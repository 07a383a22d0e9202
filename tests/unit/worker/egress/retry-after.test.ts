import { expect, test } from "bun:test";
import { RETRY_AFTER_MS_MAX } from "@millrace/core/limits";
import { retryAfterMs } from "@millrace/worker/egress/retry-after";

const nowMs = Date.parse("2026-11-21T12:00:00Z");

test("seconds are honoured", () => expect(retryAfterMs(" 120 ", nowMs)).toBe(120_000));

test("an HTTP date is honoured", () =>
  expect(retryAfterMs("Sat, 21 Nov 2026 12:00:30 GMT", nowMs)).toBe(30_000));

test("no wait is longer than the bound", () => {
  expect(retryAfterMs("999999999999", nowMs)).toBe(RETRY_AFTER_MS_MAX);
  expect(retryAfterMs("Sun, 21 Nov 2066 12:00:30 GMT", nowMs)).toBe(RETRY_AFTER_MS_MAX);
});

for (const header of [
  undefined,
  "",
  "0",
  "-1",
  "1.5",
  "1e3",
  "soon",
  "Sat, 21 Nov 2026 11:59:59 GMT",
  "Sat, 99 Nov 2026 12:00:00 GMT",
  "2026-11-21T13:00:00Z",
  "21 Nov 2026",
  "9".repeat(400),
])
  test(`${JSON.stringify(header)?.slice(0, 40)} leaves the wait to the back-off`, () =>
    expect(retryAfterMs(header, nowMs)).toBeUndefined());
