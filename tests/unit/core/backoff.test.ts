import { describe, expect, test } from "bun:test";
import { type BackoffPolicy, retryDelayMs } from "@millrace/core";
import * as fc from "fast-check";

const policy: BackoffPolicy = { initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: true };
const plain: BackoffPolicy = { ...policy, jitter: false };

test.each([
  [1, 1_000],
  [2, 2_000],
  [3, 4_000],
  [6, 32_000],
  [7, 60_000],
  [100, 60_000],
])("without jitter, the wait after attempt %i is %i ms", (attempt, delayMs) => {
  expect(retryDelayMs(attempt, plain, () => 0.5)).toBe(delayMs);
});

test("with jitter, the dice choose anywhere from nothing to the bound", () => {
  expect(retryDelayMs(3, policy, () => 0)).toBe(0);
  expect(retryDelayMs(3, policy, () => 0.5)).toBe(2_000);
  expect(retryDelayMs(3, policy, () => 0.999_999)).toBe(3_999);
});

test("a bound below the first delay holds from the first attempt on", () => {
  expect(retryDelayMs(1, { ...plain, maxMs: 10 }, () => 0)).toBe(10);
});

test("no delay at all is a policy too", () => {
  expect(retryDelayMs(50, { ...policy, initialMs: 0 }, () => 0.9)).toBe(0);
});

test("attempt 0 is a mistake of ours", () => {
  expect(() => retryDelayMs(0, policy, () => 0)).toThrow("attempts count from 1");
});

describe("for every policy", () => {
  const policies = fc.record({
    initialMs: fc.integer({ min: 0, max: 86_400_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.integer({ min: 0, max: 86_400_000 }),
    jitter: fc.boolean(),
  });
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const attempts = fc.integer({ min: 1, max: 100 });

  test("the delay is a whole number of ms from 0 to the bound", () => {
    fc.assert(
      fc.property(attempts, policies, dice, (attempt, given, roll) => {
        const delayMs = retryDelayMs(attempt, given, () => roll);
        return Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= given.maxMs;
      }),
    );
  });

  test("the same dice never give a later attempt a shorter wait", () => {
    fc.assert(
      fc.property(attempts, policies, dice, (attempt, given, roll) => {
        const random = () => roll;
        return retryDelayMs(attempt, given, random) <= retryDelayMs(attempt + 1, given, random);
      }),
    );
  });
});
