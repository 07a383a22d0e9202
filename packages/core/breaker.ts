import type { Random } from "./backoff.ts";
import {
  BREAKER_COOL_DOWN_MS_MAX,
  BREAKER_COOL_DOWN_MS_MIN,
  BREAKER_JITTER,
  BREAKER_PROBE_LEASE_MS,
  BREAKER_RAMP_MS,
  BREAKER_RAMP_SHARE_MIN,
  RELEASE_FIRST,
  RELEASE_STEP_MS,
  RELEASE_TASKS_MAX,
  RETRY_AFTER_MS_MAX,
} from "./limits.ts";
import type { AttemptOutcome } from "./task.ts";

/**
 * A circuit breaker, as a pure state machine. All workers share the state of a host; each counts its own calls
 * (`call-window.ts`) and says when it should open. Times are epoch ms by the clock of whoever wrote them: two clocks
 * that differ make a probe early or late, nothing worse.
 *
 * Invariants (tests name them by number):
 *  1. An operator's word stands: only another word of an operator changes a forced state.
 *  2. One probe at a time: while a probe has its lease, nobody else gets one.
 *  3. Only the probe that has the lease can end it; the word of a probe that lost it changes nothing.
 *  4. The cool-down after the n-th opening in a row is MIN × 2^(n−1), at most MAX, give or take JITTER; or as long as the
 *     host asked for (Retry-After), when that is longer.
 *  5. Nothing passes an open breaker before its cool-down is over.
 *  6. What passes while it closes only grows, up to everything; a failure on the way opens it for longer than before.
 *  7. Once it has closed, the count of openings starts afresh.
 *  8. By itself no breaker stays shut: from each state that is not forced there is a moment when a probe or a call passes.
 */
export type Breaker =
  | { readonly kind: "closed"; readonly sinceMs: number }
  | (Down & { readonly kind: "open"; readonly probeAtMs: number })
  | (Down & { readonly kind: "half_open"; readonly probe: string; readonly leaseUntilMs: number })
  | (Down & { readonly kind: "closing" })
  | {
      readonly kind: "forced_open" | "forced_closed";
      readonly sinceMs: number;
      readonly by: string;
      readonly reason: string | null;
    };

interface Down {
  readonly sinceMs: number;
  /** In a row, without having closed in between. */
  readonly openings: number;
  /** The failure that opened it. */
  readonly reason: string;
}

export const BREAKER_KINDS = [
  "closed",
  "open",
  "half_open",
  "closing",
  "forced_open",
  "forced_closed",
] as const satisfies readonly Breaker["kind"][];
export type BreakerKind = Breaker["kind"];

export const NEVER_OPENED: Breaker = { kind: "closed", sinceMs: 0 };

export type BreakerEvent = { readonly nowMs: number } & (
  | {
      readonly kind: "trip";
      readonly reason: string;
      readonly retryAfterMs?: number;
      readonly random: Random;
    }
  | { readonly kind: "probe"; readonly by: string }
  | { readonly kind: "renew"; readonly by: string }
  | { readonly kind: "probe_succeeded"; readonly by: string }
  | { readonly kind: "probe_dropped"; readonly by: string }
  | {
      readonly kind: "probe_failed";
      readonly by: string;
      readonly reason: string;
      readonly retryAfterMs?: number;
      readonly random: Random;
    }
  | { readonly kind: "ramp_over" }
  | {
      readonly kind: "force";
      readonly to: "open" | "closed";
      readonly by: string;
      readonly reason: string | null;
    }
  | { readonly kind: "reset" }
);

/** The state after the event, or null when the event changes nothing. */
export function changeBreaker(breaker: Breaker, event: BreakerEvent): Breaker | null {
  switch (event.kind) {
    case "force":
      return forced(breaker, event);
    case "reset":
      return breaker.kind === "closed" ? null : { kind: "closed", sinceMs: event.nowMs };
    case "trip":
      if (breaker.kind === "closed") return opened(0, event);
      return breaker.kind === "closing" ? opened(openingsOf(breaker, event.nowMs), event) : null;
    case "ramp_over":
      return breaker.kind === "closing" && isRampOver(breaker, event.nowMs)
        ? { kind: "closed", sinceMs: event.nowMs }
        : null;
    case "probe":
      return isShut(breaker) && isProbeDue(breaker, event.nowMs) ? probing(breaker, event) : null;
    default:
      if (breaker.kind !== "half_open" || breaker.probe !== event.by) return null;
      return afterProbe(breaker, event);
  }
}

type HalfOpen = Extract<Breaker, { kind: "half_open" }>;
type ProbeEvent = Extract<
  BreakerEvent,
  { kind: "renew" | "probe_succeeded" | "probe_failed" | "probe_dropped" }
>;

function afterProbe(breaker: HalfOpen, event: ProbeEvent): Breaker {
  const { openings, reason, sinceMs } = breaker;
  switch (event.kind) {
    case "renew":
      return { ...breaker, leaseUntilMs: event.nowMs + BREAKER_PROBE_LEASE_MS };
    case "probe_succeeded":
      return { kind: "closing", sinceMs: event.nowMs, openings, reason };
    case "probe_dropped": // It never called: the next one may at once.
      return { kind: "open", sinceMs, openings, reason, probeAtMs: event.nowMs };
    case "probe_failed":
      return opened(openings, event);
  }
}

function forced(breaker: Breaker, event: Extract<BreakerEvent, { kind: "force" }>): Breaker | null {
  const kind = event.to === "open" ? "forced_open" : "forced_closed";
  if (breaker.kind === kind) return null;
  return { kind, sinceMs: event.nowMs, by: event.by, reason: event.reason };
}

interface Opening {
  readonly nowMs: number;
  readonly reason: string;
  readonly retryAfterMs?: number;
  readonly random: Random;
}

function opened(openingsBefore: number, { nowMs, reason, retryAfterMs = 0, random }: Opening): Breaker {
  const openings = openingsBefore + 1;
  const asked = Number.isFinite(retryAfterMs) ? Math.min(Math.max(0, retryAfterMs), RETRY_AFTER_MS_MAX) : 0;
  const coolDownMs = Math.max(asked, coolDownMsOf(openings, random));
  return { kind: "open", sinceMs: nowMs, openings, reason, probeAtMs: nowMs + coolDownMs };
}

function coolDownMsOf(openings: number, random: Random): number {
  const plainMs = Math.min(BREAKER_COOL_DOWN_MS_MAX, BREAKER_COOL_DOWN_MS_MIN * 2 ** (openings - 1));
  return Math.round(plainMs * (1 - BREAKER_JITTER + 2 * BREAKER_JITTER * random()));
}

type Shut = Extract<Breaker, { kind: "open" | "half_open" }>;

function isShut(breaker: Breaker): breaker is Shut {
  return breaker.kind === "open" || breaker.kind === "half_open";
}

function isProbeDue(breaker: Shut, nowMs: number): boolean {
  return nowMs >= probeDueMs(breaker);
}

/** Of one that is half open: when its worker must have died. */
function probeDueMs(breaker: Shut): number {
  return breaker.kind === "open" ? breaker.probeAtMs : breaker.leaseUntilMs;
}

function probing(
  { openings, reason }: Shut,
  { nowMs, by }: { readonly nowMs: number; readonly by: string },
): Breaker {
  const leaseUntilMs = nowMs + BREAKER_PROBE_LEASE_MS;
  return { kind: "half_open", sinceMs: nowMs, openings, reason, probe: by, leaseUntilMs };
}

function isRampOver({ sinceMs }: { readonly sinceMs: number }, nowMs: number): boolean {
  return nowMs - sinceMs >= BREAKER_RAMP_MS;
}

/** Nobody may have written down that it has closed by now. */
function openingsOf(breaker: Extract<Breaker, { kind: "closing" }>, nowMs: number): number {
  return isRampOver(breaker, nowMs) ? 0 : breaker.openings;
}

/** `probe`: whoever gets the breaker to take the event `probe` passes; everybody else waits. */
export type BreakerAnswer = "pass" | "probe" | "wait";

/** Whether one more call to the host may start in a worker that has `running` of them, and slots for `slots` tasks. */
export function askBreaker(
  breaker: Breaker,
  { nowMs, running, slots }: { readonly nowMs: number; readonly running: number; readonly slots: number },
): BreakerAnswer {
  switch (breaker.kind) {
    case "closed":
    case "forced_closed":
      return "pass";
    case "forced_open":
      return "wait";
    case "closing":
      return running < Math.max(1, Math.ceil(slots * rampShare(breaker.sinceMs, nowMs))) ? "pass" : "wait";
    case "open":
    case "half_open":
      return isProbeDue(breaker, nowMs) ? "probe" : "wait";
  }
}

/** Invariant 6: 0.1 … 1. */
export function rampShare(sinceMs: number, nowMs: number): number {
  const elapsed = Math.max(0, nowMs - sinceMs) / BREAKER_RAMP_MS;
  return Math.min(1, BREAKER_RAMP_SHARE_MIN + elapsed * (1 - BREAKER_RAMP_SHARE_MIN));
}

/** How many parked tasks may go on now, and when to look again (epoch ms; null: when the state changes). */
export interface Release {
  readonly tasks: number;
  readonly againAtMs: number | null;
}

export function releaseOf(breaker: Breaker, nowMs: number): Release {
  switch (breaker.kind) {
    case "closed":
    case "forced_closed":
      return { tasks: RELEASE_TASKS_MAX, againAtMs: null };
    case "forced_open":
      return { tasks: 0, againAtMs: null };
    case "closing": {
      if (isRampOver(breaker, nowMs)) return { tasks: RELEASE_TASKS_MAX, againAtMs: null };
      const step = Math.max(0, Math.floor((nowMs - breaker.sinceMs) / RELEASE_STEP_MS));
      return {
        tasks: Math.min(RELEASE_TASKS_MAX, RELEASE_FIRST * 2 ** step),
        againAtMs: nowMs + RELEASE_STEP_MS,
      };
    }
    case "open":
    case "half_open":
      return isProbeDue(breaker, nowMs)
        ? { tasks: 1, againAtMs: nowMs + RELEASE_STEP_MS }
        : { tasks: 0, againAtMs: probeDueMs(breaker) };
  }
}

/** What an outcome says about the host. `unknown`: it was not called, or the fault is ours. */
export type HostVerdict = "healthy" | "failing" | "unknown";

const NETWORK_FAILURES: ReadonlySet<string> = new Set([
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "DNS_FAILED",
  "TIMEOUT",
  "TLS_FAILED",
]);
const STATUS = /^HTTP_STATUS_(\d{3})$/;

/** Network errors, time-outs, 5xx and 429 speak against a host; any other answer shows that it is there. */
export function hostVerdictOf(outcome: AttemptOutcome): HostVerdict {
  if (outcome.kind === "completed") return "healthy";
  const { code } = outcome.error;
  if (NETWORK_FAILURES.has(code)) return "failing";
  if (code === "RESPONSE_INVALID") return outcome.isRetryable ? "failing" : "healthy";
  const status = Number(STATUS.exec(code)?.[1]);
  if (Number.isNaN(status)) return "unknown";
  return status >= 500 || status === 429 ? "failing" : "healthy";
}
