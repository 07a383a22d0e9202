import { describe, expect, test } from "bun:test";
import { RETRY_AFTER_MS_MAX } from "@millrace/core/limits";
import type { AttemptOutcome } from "@millrace/core/task";
import { type VerdictInput, verdictFor } from "@millrace/core/verdict";

const ERROR = { code: "HTTP_503", message: "try later" };
const FAILED: AttemptOutcome = { kind: "failed", error: ERROR, isRetryable: true };
const INPUT: VerdictInput = {
  outcome: FAILED,
  failures: 0,
  maxAttempts: 3,
  backoff: { initialMs: 100, factor: 2, maxMs: 10_000, jitter: false },
  random: () => 0.5,
};

describe("success", () => {
  test("a result completes the task, also in its last attempt", () => {
    const outcome: AttemptOutcome = { kind: "completed", result: { a: 1 } };
    expect(verdictFor({ ...INPUT, outcome, failures: 2 })).toEqual({ kind: "complete", result: { a: 1 } });
  });
});

describe("failure", () => {
  test.each([
    [0, 100],
    [1, 200],
  ])("after %d failures before it, it is tried again in %d ms", (failures, delayMs) => {
    expect(verdictFor({ ...INPUT, failures })).toEqual({ kind: "retry", error: ERROR, delayMs });
  });

  test("the failure that reaches maxAttempts buries", () => {
    expect(verdictFor({ ...INPUT, failures: 2 })).toEqual({ kind: "bury", error: ERROR });
    expect(verdictFor({ ...INPUT, maxAttempts: 1 })).toEqual({ kind: "bury", error: ERROR });
  });

  test("more failures than allowed bury, too: the policy may have been stricter in between", () => {
    expect(verdictFor({ ...INPUT, failures: 50 }).kind).toBe("bury");
  });

  test("a failure that no attempt can mend buries at once", () => {
    expect(verdictFor({ ...INPUT, outcome: { ...FAILED, isRetryable: false } })).toEqual({
      kind: "bury",
      error: ERROR,
    });
  });

  test("the dice choose within the bound when jitter is on", () => {
    const jittered = { ...INPUT, backoff: { ...INPUT.backoff, jitter: true } };
    expect(verdictFor(jittered)).toMatchObject({ delayMs: 50 });
    expect(verdictFor({ ...jittered, random: () => 0 })).toMatchObject({ delayMs: 0 });
  });
});

describe("Retry-After", () => {
  const wish = (retryAfterMs: number) => verdictFor({ ...INPUT, outcome: { ...FAILED, retryAfterMs } });

  test("the other side's wish takes the place of the back-off", () => {
    expect(wish(7_000)).toMatchObject({ kind: "retry", delayMs: 7_000 });
    expect(wish(0)).toMatchObject({ kind: "retry", delayMs: 0 });
  });

  test("a wish beyond the bound waits as long as the bound", () => {
    expect(wish(RETRY_AFTER_MS_MAX + 1)).toMatchObject({ delayMs: RETRY_AFTER_MS_MAX });
    expect(wish(Number.POSITIVE_INFINITY)).toMatchObject({ delayMs: RETRY_AFTER_MS_MAX });
  });

  test("a wish is whole milliseconds, never negative: the database takes nothing else", () => {
    expect(wish(1.5)).toMatchObject({ delayMs: 1 });
    expect(wish(-1)).toMatchObject({ delayMs: 0 });
  });

  test("a wish that is no number is none", () => {
    expect(wish(Number.NaN)).toMatchObject({ delayMs: 100 });
  });

  test("it does not save a task whose attempts are used up", () => {
    expect(verdictFor({ ...INPUT, failures: 2, outcome: { ...FAILED, retryAfterMs: 1 } }).kind).toBe("bury");
  });
});
