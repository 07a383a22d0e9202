import { Cron } from "croner";
import { assert } from "./fault.ts";
import {
  SCHEDULE_CATCH_UP_MS_MAX,
  SCHEDULE_CRON_CHARS_MAX,
  SCHEDULE_EVERY_S_MAX,
  SCHEDULE_EVERY_S_MIN,
  SCHEDULE_LATE_MS_MAX,
  TIME_ZONE_CHARS_MAX,
} from "./limits.ts";

/**
 * When a schedule is due. All moments are epoch milliseconds of whole seconds, and are called ticks.
 *
 * Cron follows the wall clock of its zone, as Vixie cron does:
 * - a local time that a clock change skips is due at the moment of the change;
 * - a local time that comes twice is due at the first of the two, unless the expression speaks of every hour, minute or
 *   second: those go on through both;
 * - two local times that fall on one moment are one tick.
 * `every` knows no zone: it counts seconds from its anchor.
 */
export type Cadence =
  | { readonly kind: "cron"; readonly expression: string; readonly timeZone: string }
  | { readonly kind: "every"; readonly seconds: number; readonly anchorMs: number };

/** What becomes of ticks that nobody was there to run: they are left out, all made up for, or only the latest. */
export const MISSED_POLICIES = ["skip", "catch_up", "latest"] as const;
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** What becomes of a tick while an earlier run is not finished: it runs beside it, not at all, or after it. */
export const OVERLAP_POLICIES = ["allow", "skip", "queue"] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** Five fields, or six with seconds in front; or a word such as @daily. */
const FIELDS = /^\s*\S+(?:\s+\S+){4,5}\s*$/;
const NICKNAME = /^@(?:yearly|annually|monthly|weekly|daily|hourly)$/i;

/** What is wrong with a cron expression, for people; null when nothing is. One that never comes due is wrong. */
export function cronProblem(expression: string, timeZone: string, nowMs: number): string | null {
  if (expression.length > SCHEDULE_CRON_CHARS_MAX)
    return `must have at most ${SCHEDULE_CRON_CHARS_MAX} characters`;
  if (!FIELDS.test(expression) && !NICKNAME.test(expression))
    return "must have five fields (minute hour day month weekday), or six with seconds in front";
  try {
    const next = nextTick({ kind: "cron", expression, timeZone }, nowMs);
    return next === null ? "never comes due" : null;
  } catch (error) {
    return `is not a cron expression: ${reasonOf(error)}`;
  }
}

/** The library's own words, without the name of its class in front. */
function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^Cron\w+: /, "").slice(0, 200);
}

/** A name of the IANA database that this runtime knows, such as Europe/Berlin. Offsets (+02:00) know no clock changes. */
export function isTimeZone(name: string): boolean {
  if (name.length > TIME_ZONE_CHARS_MAX || !/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The first tick after a moment; null when there is none any more. Throws what `cronProblem` tells. */
export function nextTick(cadence: Cadence, afterMs: number): number | null {
  if (cadence.kind === "cron") return nextOf(cronOf(cadence), afterMs);
  const { seconds, anchorMs } = cadence;
  assert(seconds >= SCHEDULE_EVERY_S_MIN && seconds <= SCHEDULE_EVERY_S_MAX, "every is within its bounds");
  if (afterMs < anchorMs) return anchorMs;
  const stepMs = seconds * 1000;
  return anchorMs + (Math.floor((afterMs - anchorMs) / stepMs) + 1) * stepMs;
}

/** The next ticks, at most `count`, none after `untilMs`. */
export function nextTicks(
  cadence: Cadence,
  afterMs: number,
  { count, untilMs = Number.POSITIVE_INFINITY }: { readonly count: number; readonly untilMs?: number },
): readonly number[] {
  const ticks: number[] = [];
  for (let tick = nextTick(cadence, afterMs); tick !== null && tick <= untilMs; ) {
    ticks.push(tick);
    if (ticks.length >= count) break;
    tick = nextTick(cadence, tick);
  }
  return ticks;
}

function cronOf({ expression, timeZone }: Extract<Cadence, { kind: "cron" }>): Cron {
  // Without a function to call, it sets no timer and is nothing but arithmetic.
  return new Cron(expression.trim(), { timezone: timeZone, paused: true });
}

function nextOf(cron: Cron, afterMs: number): number | null {
  return cron.nextRun(new Date(afterMs))?.getTime() ?? null;
}

/** The first tick of a schedule that begins, changes or is resumed now; null when it has none. */
export function firstTick(
  cadence: Cadence,
  {
    nowMs,
    startMs,
    endMs,
  }: { readonly nowMs: number; readonly startMs: number | null; readonly endMs: number | null },
): number | null {
  const tick = nextTick(cadence, startMs === null ? nowMs : Math.max(nowMs, startMs - 1));
  return tick !== null && endMs !== null && tick > endMs ? null : tick;
}

export interface DueQuestion {
  readonly cadence: Cadence;
  readonly missed: MissedPolicy;
  /** The first tick that nothing was done about. */
  readonly dueMs: number;
  readonly nowMs: number;
  /** No tick after this. */
  readonly endMs: number | null;
  /** Ticks since then were held back behind an unfinished run: they are not missed, however late they are. */
  readonly heldSinceMs: number | null;
  /** Ticks to run at most. */
  readonly limit: number;
}

export interface DueTicks {
  /** To be run now, in order. */
  readonly run: readonly number[];
  /** True: ticks before those were missed, and nothing runs for them. */
  readonly hasSkipped: boolean;
  /** The first tick that this leaves, which may be due as well; null when there is none any more. */
  readonly nextMs: number | null;
}

/**
 * What to run for a schedule that is due. A tick that is late by less than SCHEDULE_LATE_MS_MAX is late, and not missed:
 * a scheduler that restarts misses nothing. Of those that were missed, `skip` runs none, `latest` the latest one, and
 * `catch_up` those of the last SCHEDULE_CATCH_UP_MS_MAX, or the latest when all are older.
 */
export function dueTicks(question: DueQuestion): DueTicks {
  const { cadence, dueMs, nowMs, limit, heldSinceMs } = question;
  const untilMs = Math.min(nowMs, question.endMs ?? nowMs);
  const lateSinceMs = Math.min(nowMs - SCHEDULE_LATE_MS_MAX, heldSinceMs ?? nowMs);
  const startMs = startOf(question, Math.min(lateSinceMs, untilMs + 1));
  const run: number[] = [];
  let tick: number | null = startMs <= dueMs ? dueMs : nextTick(cadence, startMs - 1);
  const hasSkipped = tick !== null && tick > dueMs;
  while (tick !== null && tick <= untilMs && run.length < limit) {
    run.push(tick);
    tick = nextTick(cadence, tick);
  }
  const isOver = tick !== null && question.endMs !== null && tick > question.endMs;
  return { run, hasSkipped, nextMs: isOver ? null : tick };
}

/** The moment from which on ticks are run; `lateSinceMs`: those before are missed. */
function startOf({ cadence, missed, dueMs, nowMs }: DueQuestion, lateSinceMs: number): number {
  if (dueMs >= lateSinceMs || missed === "skip") return Math.max(dueMs, lateSinceMs);
  const latestMs = latestTick(cadence, dueMs, lateSinceMs - 1);
  return missed === "latest"
    ? latestMs
    : Math.min(latestMs, Math.max(dueMs, nowMs - SCHEDULE_CATCH_UP_MS_MAX));
}

/**
 * The last tick up to `untilMs`, when there is one at `fromMs`: by halving, since a year of missed seconds must not be
 * walked through.
 */
function latestTick(cadence: Cadence, fromMs: number, untilMs: number): number {
  let latestMs = fromMs;
  let beyondMs = untilMs;
  while (latestMs < beyondMs) {
    const middleMs = Math.floor((latestMs + beyondMs) / 2);
    const tick = nextTick(cadence, middleMs);
    if (tick !== null && tick <= untilMs) latestMs = tick;
    else if (middleMs === latestMs) break;
    else beyondMs = middleMs;
  }
  return latestMs;
}

/** `nightly:2026-03-01T02:30:00Z`: the same tick of the same schedule is the same task, whoever makes it. */
export function tickTaskId(scheduleId: string, tickMs: number): string {
  return `${scheduleId}:${new Date(tickMs).toISOString().replace(/\.\d+Z$/, "Z")}`;
}
