import {
  BREAKER_FAILURE_SHARE,
  BREAKER_FAILURES_MIN,
  BREAKER_RAMP_FAILURES_MIN,
  BREAKER_WINDOW_MS,
  BREAKER_WINDOW_SLICES,
} from "./limits.ts";

/** The calls of the last seconds, in slices of time; at most BREAKER_WINDOW_SLICES of them. */
export type CallWindow = readonly Slice[];

interface Slice {
  readonly startMs: number;
  readonly calls: number;
  readonly failures: number;
}

export const NO_CALLS: CallWindow = [];
const SLICE_MS = BREAKER_WINDOW_MS / BREAKER_WINDOW_SLICES;

/** Counts one call that has ended. A clock that goes back counts into the newest slice. */
export function countCall(window: CallWindow, isFailure: boolean, nowMs: number): CallWindow {
  const newest = window.at(-1);
  const added = isFailure ? 1 : 0;
  if (newest !== undefined && nowMs < newest.startMs + SLICE_MS) {
    const counted = { ...newest, calls: newest.calls + 1, failures: newest.failures + added };
    return [...window.slice(0, -1), counted];
  }
  const startMs = Math.floor(nowMs / SLICE_MS) * SLICE_MS;
  const kept = window.filter((slice) => slice.startMs > startMs - BREAKER_WINDOW_MS);
  return [...kept, { startMs, calls: 1, failures: added }];
}

/** Whether the window says that the host is down. `isRamp`: it has just been. */
export function isHostDown(window: CallWindow, nowMs: number, isRamp: boolean): boolean {
  const recent = window.filter((slice) => slice.startMs > nowMs - BREAKER_WINDOW_MS);
  const calls = recent.reduce((sum, slice) => sum + slice.calls, 0);
  const failures = recent.reduce((sum, slice) => sum + slice.failures, 0);
  const failuresMin = isRamp ? BREAKER_RAMP_FAILURES_MIN : BREAKER_FAILURES_MIN;
  return failures >= failuresMin && failures >= calls * BREAKER_FAILURE_SHARE;
}
