import { Fault } from "@millrace/core";
import { EVENT_TIME_MS_MIN } from "@millrace/core/limits";
import { eventTimeMs } from "@millrace/protocol/events/index";

const DAY_MS = 86_400_000;
/** Two days ahead: events may lie one day in the future. */
const AHEAD_MS = 2 * DAY_MS;

export function badQuery(name: string, message: string): Fault {
  return new Fault("VALIDATION_FAILED", `in the query string: /${name} ${message}`, {
    errors: [{ path: `/${name}`, message }],
  });
}

export interface Span {
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
}

export interface SpanWords {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** `from` is included, `to` is not; both RFC 3339. Without them: all that is kept. Throws VALIDATION_FAILED. */
export function readSpan(words: SpanWords, nowMs: number, defaults: Partial<Span> = {}): Span {
  const toMs = readTime("to", words.to) ?? defaults.toMs ?? nowMs + AHEAD_MS;
  const fromMs = readTime("from", words.from) ?? defaults.fromMs ?? EVENT_TIME_MS_MIN;
  if (fromMs >= toMs) throw badQuery("from", "must lie before /to");
  return { fromMs: Math.max(fromMs, EVENT_TIME_MS_MIN), toMs: Math.min(toMs, nowMs + AHEAD_MS) };
}

function readTime(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = eventTimeMs(text);
  if (ms === undefined) throw badQuery(name, "must be a time such as 2026-01-31T12:00:00Z");
  return Math.floor(ms);
}

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS };

/** `1m`, `15m`, `6h`, `1d`: whole minutes, since that is what is counted. Throws VALIDATION_FAILED. */
export function readInterval(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const intervalMs = Number(digits) * (UNITS_MS[unit] ?? 0);
  if (intervalMs === 0) throw badQuery("interval", "must be a number of minutes, hours or days: 5m, 1h, 1d");
  return intervalMs;
}
