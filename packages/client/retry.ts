import { RETRY_AFTER_MS_MAX, RETRY_WAIT_MS_FIRST, RETRY_WAIT_MS_MAX, TRIES_MAX } from "./bounds.ts";

/** How one try failed. */
export type TryFailure =
  /** `wasSent` false: the server has certainly seen nothing of it. */
  | { readonly kind: "unreachable"; readonly wasSent: boolean }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly code: string;
      readonly retryAfterMs: number | null;
    };

export interface RetryQuestion {
  readonly failure: TryFailure;
  /** Tries so far, this one included. */
  readonly tries: number;
  /** True: doing it twice is the same as doing it once. */
  readonly isRepeatable: boolean;
  /** 0 … 1. */
  readonly random: () => number;
}

/** Answers that say: not now. */
const PASSING = new Set([408, 425, 429, 502, 503, 504]);
/** Answers that are given before anything was done, whatever the request was. */
const REFUSED_UNSEEN = new Set(["TOO_MANY_REQUESTS", "OVERLOADED"]);

/** The wait before the next try, in ms; null: there is none. */
export function retryWaitMs({ failure, tries, isRepeatable, random }: RetryQuestion): number | null {
  if (tries >= TRIES_MAX || !mayTryAgain(failure, isRepeatable)) return null;
  const wishMs = failure.kind === "refused" ? failure.retryAfterMs : null;
  if (wishMs !== null) return wishMs <= RETRY_AFTER_MS_MAX ? wishMs : null;
  return doublingWaitMs(tries, random);
}

/** Half of it is certain, so that a restarting server gets its time; the other half spreads the clients. */
export function doublingWaitMs(tries: number, random: () => number, waitMsMax = RETRY_WAIT_MS_MAX): number {
  const boundMs = Math.min(waitMsMax, RETRY_WAIT_MS_FIRST * 2 ** (tries - 1));
  return Math.floor(boundMs * (0.5 + random() / 2));
}

/** The status says: not now. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

function mayTryAgain(failure: TryFailure, isRepeatable: boolean): boolean {
  if (failure.kind === "unreachable") return isRepeatable || !failure.wasSent;
  return isRepeatable ? PASSING.has(failure.status) : REFUSED_UNSEEN.has(failure.code);
}

/** Retry-After: whole seconds, or a date. Null when it is absent or neither. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Date.parse alone takes "-1" for a year.
  const atMs = text.endsWith("GMT") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
