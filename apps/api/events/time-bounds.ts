import { EVENT_AHEAD_MS_MAX, EVENT_TIME_MS_MIN } from "@millrace/core/limits";

/** What the time of an event may be, for the records of one request. */
export interface TimeBounds {
  readonly earliestMs: number;
  readonly latestMs: number;
  /** `2026-01-16`: every time in UTC whose text sorts before it is surely not too new. */
  readonly dayAfter: string;
}

export function timeBoundsAt(nowMs: number): TimeBounds {
  const latestMs = nowMs + EVENT_AHEAD_MS_MAX;
  return {
    earliestMs: EVENT_TIME_MS_MIN,
    latestMs,
    dayAfter: new Date(latestMs).toISOString().slice(0, "2026-01-16".length),
  };
}
