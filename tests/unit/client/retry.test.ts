import { describe, expect, test } from "bun:test";
import { RETRY_AFTER_MS_MAX, RETRY_WAIT_MS_MAX, TRIES_MAX } from "@millrace/client/bounds";
import { retryAfterMs, retryWaitMs, type TryFailure } from "@millrace/client/retry";

function waitMs(failure: TryFailure, isRepeatable: boolean, tries = 1, dice = 1): number | null {
  return retryWaitMs({ failure, tries, isRepeatable, random: () => dice });
}

function refused(status: number, code = "X", afterMs: number | null = null): TryFailure {
  return { kind: "refused", status, code, retryAfterMs: afterMs };
}

describe("what is tried again", () => {
  test("a repeatable call after a lost answer, but no other call", () => {
    const lost: TryFailure = { kind: "unreachable", wasSent: true };
    expect(waitMs(lost, true)).not.toBeNull();
    expect(waitMs(lost, false)).toBeNull();
  });

  test("any call that the server has certainly not seen", () => {
    const unseen: TryFailure = { kind: "unreachable", wasSent: false };
    expect(waitMs(unseen, true)).not.toBeNull();
    expect(waitMs(unseen, false)).not.toBeNull();
  });

  test("a repeatable call after each status that may pass, and after no other", () => {
    for (const status of [408, 425, 429, 502, 503, 504]) expect(waitMs(refused(status), true)).not.toBeNull();
    for (const status of [400, 401, 403, 404, 409, 413, 422, 500])
      expect(waitMs(refused(status), true)).toBeNull();
  });

  test("any other call only after refusals that come before the work", () => {
    expect(waitMs(refused(503, "OVERLOADED"), false)).not.toBeNull();
    expect(waitMs(refused(429, "TOO_MANY_REQUESTS"), false)).not.toBeNull();
    expect(waitMs(refused(503, "STORE_UNAVAILABLE"), false)).toBeNull();
    expect(waitMs(refused(502, "HTTP_502"), false)).toBeNull();
  });

  test("nothing after the last allowed try", () => {
    expect(waitMs(refused(503), true, TRIES_MAX - 1)).not.toBeNull();
    expect(waitMs(refused(503), true, TRIES_MAX)).toBeNull();
  });
});

describe("the wait", () => {
  test("doubles from try to try, half of it at random, up to its bound", () => {
    expect([1, 2, 3, 4].map((tries) => waitMs(refused(503), true, tries))).toEqual([100, 200, 400, 800]);
    expect(waitMs(refused(503), true, 1, 0)).toBe(50);
    expect(waitMs(refused(503), true, 4)).toBeLessThanOrEqual(RETRY_WAIT_MS_MAX);
  });

  test("is what the server asks for, zero included", () => {
    expect(waitMs(refused(503, "X", 3_000), true)).toBe(3_000);
    expect(waitMs(refused(429, "X", 0), true)).toBe(0);
  });

  test("longer than its bound is left to the caller", () => {
    expect(waitMs(refused(503, "X", RETRY_AFTER_MS_MAX), true)).toBe(RETRY_AFTER_MS_MAX);
    expect(waitMs(refused(503, "X", RETRY_AFTER_MS_MAX + 1), true)).toBeNull();
  });
});

describe("Retry-After", () => {
  const nowMs = Date.UTC(2026, 0, 15, 12);

  test("is seconds or a date", () => {
    expect(retryAfterMs("7", nowMs)).toBe(7_000);
    expect(retryAfterMs("0", nowMs)).toBe(0);
    expect(retryAfterMs("Thu, 15 Jan 2026 12:00:05 GMT", nowMs)).toBe(5_000);
  });

  test("of a date that has passed is no wait", () => {
    expect(retryAfterMs("Thu, 15 Jan 2026 11:00:00 GMT", nowMs)).toBe(0);
  });

  test("that is neither is not there", () => {
    for (const header of [null, "", "soon", "-1", "1.5e99x"]) expect(retryAfterMs(header, nowMs)).toBeNull();
  });
});
