import { type BackoffPolicy, type Json, LANES, type Lane, type Priority } from "@millrace/core";
import { ATTEMPT_NUMBER_MAX, PRIORITY_MAX, PRIORITY_MIN } from "@millrace/core/limits";

/**
 * The body of a message in TASKS: everything that a worker needs to run one attempt, so that it reads nothing from the
 * database before it claims. Readable JSON: an operator looks at it with `nats stream view`.
 */
export interface Dispatch {
  /** Internal id of the task; always below 2^53. */
  readonly seq: number;
  readonly task_id: string;
  readonly task_type: string;
  /** The attempt that this message starts, from 1. */
  readonly attempt: number;
  /** Attempts that failed before this one. */
  readonly failures: number;
  readonly payload: Json;
  readonly lane: Lane;
  readonly priority: Priority;
  readonly timeout: number;
  readonly max_attempts: number;
  readonly backoff: BackoffWords;
  readonly tenant: string | null;
  readonly correlation_id: string;
  /** Of the request that it came in with, or of what came last: see `trace-context.ts`. Absent: it is not traced. */
  readonly trace_context?: string;
  /** True: the payload has templates, and is to be filled with the parents' results before it is run. */
  readonly has_templates?: boolean;
  /** True: workers have died with it; it runs in a process of its own. */
  readonly runs_alone?: boolean;
  /** True: submissions may have replaced the payload and put the start off since; see the worker's `seal.ts`. */
  readonly is_debounced?: boolean;
  /** Absent: it starts by its message alone. */
  readonly route?: LeaseRoute;
}

/**
 * `shelved`: no worker of the product has a handler for its type; there is no message, and workers over HTTP lease it from
 * the database. `shared`: both, and the claim decides.
 */
export type LeaseRoute = "shelved" | "shared";

/** A back-off policy as it is written in JSON. */
export interface BackoffWords {
  readonly initial_ms: number;
  readonly factor: number;
  readonly max_ms: number;
  readonly jitter: boolean;
}

export function backoffToWords(policy: BackoffPolicy): BackoffWords {
  return { initial_ms: policy.initialMs, factor: policy.factor, max_ms: policy.maxMs, jitter: policy.jitter };
}

export function backoffFromWords(words: BackoffWords): BackoffPolicy {
  return { initialMs: words.initial_ms, factor: words.factor, maxMs: words.max_ms, jitter: words.jitter };
}

/**
 * Reads a message body. Null for anything that is not a dispatch of ours: such a message can never be run.
 * Checked is what steers the claim, the retry and the next message: a number that PostgreSQL does not take would fail
 * the group commit in which it stands, and with it the tasks beside it. The task's own type checks the payload.
 */
export function decodeDispatch(body: string): Dispatch | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  return isDispatch(value) ? value : null;
}

function isDispatch(value: unknown): value is Dispatch {
  if (typeof value !== "object" || value === null) return false;
  const body = value as Partial<Record<keyof Dispatch, unknown>>;
  return (
    isWithin(body.seq, 1, Number.MAX_SAFE_INTEGER) &&
    isWithin(body.attempt, 1, ATTEMPT_NUMBER_MAX) &&
    isWithin(body.failures, 0, ATTEMPT_NUMBER_MAX) &&
    isWithin(body.max_attempts, 1, ATTEMPT_NUMBER_MAX) &&
    isWithin(body.priority, PRIORITY_MIN, PRIORITY_MAX) &&
    typeof body.timeout === "number" &&
    body.timeout > 0 &&
    LANES.some((lane) => lane === body.lane) &&
    typeof body.task_id === "string" &&
    typeof body.task_type === "string" &&
    typeof body.correlation_id === "string" &&
    (body.trace_context === undefined || typeof body.trace_context === "string") &&
    isBackoff(body.backoff)
  );
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
}

function isBackoff(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { initial_ms, factor, max_ms, jitter } = value as Partial<Record<keyof BackoffWords, unknown>>;
  const areNumbers = [initial_ms, factor, max_ms].every(
    (number) => typeof number === "number" && number >= 0,
  );
  return areNumbers && typeof jitter === "boolean";
}
