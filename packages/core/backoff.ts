import { assert } from "./fault.ts";

/** A source of numbers in [0, 1). Passed in, so that a test can say what the dice show. */
export type Random = () => number;

export interface BackoffPolicy {
  /** Upper bound of the first delay, in ms. */
  readonly initialMs: number;
  /** How much the bound grows with each attempt, 1 … 10. */
  readonly factor: number;
  /** The bound grows no further than this, in ms. */
  readonly maxMs: number;
  /** True (the default): full jitter. False: the bound itself is the delay, for callers who need to predict it. */
  readonly jitter: boolean;
}

/**
 * The wait before the attempt after `attempt`, in ms.
 * Full jitter: tasks that failed together must not come back together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retryDelayMs(attempt: number, policy: BackoffPolicy, random: Random): number {
  assert(attempt >= 1, "attempts count from 1");
  const boundMs = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (attempt - 1));
  return policy.jitter ? Math.floor(random() * boundMs) : Math.floor(boundMs);
}
