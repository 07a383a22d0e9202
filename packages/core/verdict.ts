import { type BackoffPolicy, type Random, retryDelayMs } from "./backoff.ts";
import { RETRY_AFTER_MS_MAX } from "./limits.ts";
import type { AttemptOutcome, Json, TaskError } from "./task.ts";

/** What follows from how an attempt ended. One place turns a verdict into rows, messages and acks. */
export type Verdict =
  | { readonly kind: "complete"; readonly result: Json }
  | { readonly kind: "retry"; readonly error: TaskError; readonly delayMs: number }
  /** Nothing more will be tried: the task goes to the dead letters. */
  | { readonly kind: "bury"; readonly error: TaskError };

export interface VerdictInput {
  readonly outcome: AttemptOutcome;
  /** Attempts that failed before this one. Attempts lost with their worker are not among them. */
  readonly failures: number;
  readonly maxAttempts: number;
  readonly backoff: BackoffPolicy;
  readonly random: Random;
}

/** Invariants 5 and 6: a failure counts once, and the last allowed one buries the task. */
export function verdictFor(input: VerdictInput): Verdict {
  const { outcome } = input;
  if (outcome.kind === "completed") return { kind: "complete", result: outcome.result };
  const failures = input.failures + 1;
  if (!outcome.isRetryable || failures >= input.maxAttempts) return { kind: "bury", error: outcome.error };
  return {
    kind: "retry",
    error: outcome.error,
    // The other side knows better than our dice when it will be ready.
    delayMs: wishMs(outcome.retryAfterMs) ?? retryDelayMs(failures, input.backoff, input.random),
  };
}

/** Whole milliseconds within the bound. The wish comes from handlers, so it may be anything. */
function wishMs(retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs === undefined || Number.isNaN(retryAfterMs)) return undefined;
  return Math.floor(Math.min(Math.max(retryAfterMs, 0), RETRY_AFTER_MS_MAX));
}
