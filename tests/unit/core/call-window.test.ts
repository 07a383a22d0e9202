import { expect, test } from "bun:test";
import { type CallWindow, countCall, isHostDown, NO_CALLS } from "@millrace/core/call-window";
import {
  BREAKER_FAILURES_MIN,
  BREAKER_RAMP_FAILURES_MIN,
  BREAKER_WINDOW_MS,
  BREAKER_WINDOW_SLICES,
} from "@millrace/core/limits";
import * as fc from "fast-check";

const NOW_MS = 1_000_000;
const counted = (failures: number, successes: number, window: CallWindow = NO_CALLS): CallWindow => {
  const calls = [...Array(failures).fill(true), ...Array(successes).fill(false)];
  return calls.reduce<CallWindow>((all, isFailure) => countCall(all, isFailure, NOW_MS), window);
};

test("a host is down when enough calls failed, and half of all", () => {
  const isDown = (failures: number, successes: number) =>
    isHostDown(counted(failures, successes), NOW_MS, false);
  expect(isDown(BREAKER_FAILURES_MIN - 1, 0)).toBe(false);
  expect(isDown(BREAKER_FAILURES_MIN, 0)).toBe(true);
  expect(isDown(BREAKER_FAILURES_MIN, BREAKER_FAILURES_MIN)).toBe(true);
  expect(isDown(BREAKER_FAILURES_MIN, BREAKER_FAILURES_MIN + 1)).toBe(false);
});

test("while its breaker closes, fewer failures are enough", () => {
  expect(isHostDown(counted(BREAKER_RAMP_FAILURES_MIN, 0), NOW_MS, true)).toBe(true);
  expect(isHostDown(counted(BREAKER_RAMP_FAILURES_MIN, 0), NOW_MS, false)).toBe(false);
});

test("failures are forgotten when the window has passed over them", () => {
  const window = counted(BREAKER_FAILURES_MIN, 0);
  expect(isHostDown(window, NOW_MS + BREAKER_WINDOW_MS - 1, false)).toBe(true);
  expect(isHostDown(window, NOW_MS + BREAKER_WINDOW_MS, false)).toBe(false);
});

test("however many calls there are, and wherever the clock jumps, it stays small", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -5_000, max: 30_000 })), { maxLength: 300 }),
      (calls) => {
        let nowMs = NOW_MS;
        let window: CallWindow = NO_CALLS;
        for (const [isFailure, jumpMs] of calls) {
          nowMs += jumpMs;
          window = countCall(window, isFailure, nowMs);
        }
        expect(window.length).toBeLessThanOrEqual(BREAKER_WINDOW_SLICES);
      },
    ),
  );
});
