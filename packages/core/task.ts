import type { BackoffPolicy } from "./backoff.ts";

/**
 * Tasks of different lanes never share a slot: each lane has consumers and worker slots of its own. The tasks of files
 * have one because they need a thread: a worker takes no more of them than it has threads.
 */
export const LANES = ["short", "long", "file"] as const;
export type Lane = (typeof LANES)[number];

/** What whoever submits a task can ask for. The lane of files is for the tasks that uploads make. */
export const ASKED_LANES = ["short", "long"] as const;
export type AskedLane = (typeof ASKED_LANES)[number];

/** 1 (can wait) … 10 (most urgent). */
export type Priority = number;

/** What a client sees first: five words. */
export type TaskStatus = "pending" | "running" | "completed" | "failed" | "cancelled";
/** What an operator sees: where exactly in its life a task stands. See `state.ts`. */
export type TaskPhase =
  | "waiting" // for its parents
  | "scheduled" // for its first run time
  | "queued"
  | "running"
  | "retry_wait" // for the next attempt's time
  | "parked" // behind an open breaker or a paused queue
  | "done"
  | "dead"
  | "cancelled";

/** JSON as it travels; parsed at the edge, never inspected deeper than a rule needs. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What was asked, complete: defaults filled in, bounds checked, never changed afterwards. */
export interface TaskSpec {
  readonly taskId: string;
  readonly taskType: string;
  readonly payload: Json;
  readonly priority: Priority;
  readonly lane: Lane;
  readonly dependencies: readonly string[];
  readonly timeoutS: number;
  readonly maxAttempts: number;
  readonly backoff: BackoffPolicy;
  /** Epoch milliseconds of the first run; null means at once. */
  readonly runAtMs: number | null;
  readonly tenant: string | null;
}

/** What a failed attempt leaves behind. `code` is stable and short, `message` is for people. */
export interface TaskError {
  readonly code: string;
  readonly message: string;
}

/** How one attempt ended, as its handler tells it. What follows from it is decided in `verdict.ts`. */
export type AttemptOutcome =
  | { readonly kind: "completed"; readonly result: Json }
  | {
      readonly kind: "failed";
      readonly error: TaskError;
      /** False: no further attempt can succeed (a 404, a payload that makes no sense). */
      readonly isRetryable: boolean;
      /** The other side's own wish (Retry-After), in ms; takes the place of the back-off. */
      readonly retryAfterMs?: number;
    };
