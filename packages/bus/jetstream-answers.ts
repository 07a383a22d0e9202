import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "nats";

const CONSUMER_NOT_FOUND = 10_014;
const STREAM_NOT_FOUND = 10_059;

/** There is no such stream, or no such consumer. Any other answer may be about a cluster that has no leader just now. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return error.code === CONSUMER_NOT_FOUND || error.code === STREAM_NOT_FOUND;
}

/** Null when there is no such thing. */
export async function orMissing<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/**
 * The cluster has no leader, the one that was asked is none, the stream or the consumer has none yet (10118, 10119), or its
 * name is being taken by somebody who makes it at the same moment (10013, 10058, 10148).
 */
const PASSING_CODES = new Set([10_008, 10_009, 10_013, 10_058, 10_118, 10_119, 10_148]);

/** No server of the cluster takes a stream. */
export const NO_PEERS_CODE = 10_005;

/** Asked again a moment later, it may be answered otherwise. */
export function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError)
    // Of a cluster that was just started, some servers are thought to be away.
    return (
      PASSING_CODES.has(error.code) || (error.code === NO_PEERS_CODE && error.message.includes("offline"))
    );
  return (
    error instanceof errors.TimeoutError ||
    error instanceof errors.NoRespondersError ||
    error instanceof errors.RequestError
  );
}

const PAUSE_MS = 250;
/** At a start. Elections of a cluster that was started at the same time take up to ten seconds, and there may be two. */
export const START_PATIENCE_MS = 40_000;

/** Asks again while the answer may pass, for so long; then rejects with it. */
export async function untilAnswered<T>(ask: () => Promise<T>, patienceMs: number): Promise<T> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || performance.now() >= endMs) throw error;
      await Bun.sleep(PAUSE_MS);
    }
  }
}
