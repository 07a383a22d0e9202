import type { BackoffPolicy, Json, Lane, Priority } from "@millrace/core";

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
}

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
 * Only the fields that steer the claim are checked; the database decides about the rest, and the task's own type
 * checks the payload.
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
    Number.isSafeInteger(body.seq) &&
    Number.isSafeInteger(body.attempt) &&
    typeof body.task_id === "string" &&
    typeof body.task_type === "string" &&
    Number.isSafeInteger(body.failures) &&
    Number.isSafeInteger(body.max_attempts) &&
    typeof body.timeout === "number" &&
    typeof body.backoff === "object" &&
    body.backoff !== null &&
    (body.lane === "short" || body.lane === "long") &&
    typeof body.correlation_id === "string"
  );
}
