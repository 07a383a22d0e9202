import {
  BATCH_BYTES,
  BATCH_DELAY_MS,
  BATCH_EVENTS,
  BATCH_FLIGHTS,
  BATCH_FLIGHTS_MAX,
  BATCH_RETRY_MS_MAX,
  BUFFERED_BYTES,
  BUFFERED_EVENTS,
  REQUEST_BYTES_MAX,
  REQUEST_EVENTS_MAX,
  TRIES_MAX,
} from "./bounds.ts";
import { ApiError, UnreachableError } from "./errors.ts";
import type { Taken } from "./event-shapes.ts";
import { doublingWaitMs, isPassing } from "./retry.ts";

export type DropReason =
  /** As much waits already as may. */
  | "buffer_full"
  /** It came after `close`, or was not sent when the time of `close` was over. */
  | "closed"
  /** The API will not have the batch, whatever is in it: the key lacks the right, for one. See `error`. */
  | "refused"
  /** It was sent, and no answer came in time: it may be stored, and may not. */
  | "unconfirmed";

export interface DroppedEvents {
  readonly reason: DropReason;
  /** The events, one line of JSON each: to be kept elsewhere. */
  readonly lines: readonly string[];
  readonly error: unknown;
}

export interface RejectedEvent {
  readonly code: string;
  readonly message: string;
  /** Its line of JSON; or what was logged, when there is none. */
  readonly event: unknown;
}

export interface BatcherOptions {
  /** A batch goes out when it has so many events: 1 … 10 000; 1 000 when absent. */
  readonly eventsMax?: number;
  /** … or so many bytes: up to 4 MiB; 1 MiB when absent. */
  readonly bytesMax?: number;
  /** … or has waited so long; 200 ms when absent. */
  readonly delayMs?: number;
  /** Events that wait or are on their way, at most; 100 000 when absent. */
  readonly bufferedMax?: number;
  /** The same in bytes; 32 MiB when absent. */
  readonly bufferedBytesMax?: number;
  /** Requests at a time: 1 … 8; 2 when absent. With 1, events arrive in the order in which they were logged. */
  readonly flightsMax?: number;
  /** Called at once, in the midst of `log` or of an answer: keep it short. What it throws is nobody's. */
  readonly onDrop?: (dropped: DroppedEvents) => void;
  readonly onReject?: (rejected: RejectedEvent) => void;
}

type Numbers = Omit<BatcherOptions, "onDrop" | "onReject">;
export type Settings = Required<Numbers> & Pick<BatcherOptions, "onDrop" | "onReject">;

/** @throws RangeError */
export function readOptions(options: BatcherOptions): Settings {
  const { onDrop, onReject } = options;
  const read = (name: keyof Numbers, { least, most, otherwise }: Range): number => {
    const value = options[name] ?? otherwise;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
  };
  const endless = Number.MAX_SAFE_INTEGER;
  return {
    eventsMax: read("eventsMax", { least: 1, most: REQUEST_EVENTS_MAX, otherwise: BATCH_EVENTS }),
    bytesMax: read("bytesMax", { least: 1, most: REQUEST_BYTES_MAX, otherwise: BATCH_BYTES }),
    delayMs: read("delayMs", { least: 0, most: 3_600_000, otherwise: BATCH_DELAY_MS }),
    bufferedMax: read("bufferedMax", { least: 1, most: endless, otherwise: BUFFERED_EVENTS }),
    bufferedBytesMax: read("bufferedBytesMax", { least: 1, most: endless, otherwise: BUFFERED_BYTES }),
    flightsMax: read("flightsMax", { least: 1, most: BATCH_FLIGHTS_MAX, otherwise: BATCH_FLIGHTS }),
    ...(onDrop !== undefined && { onDrop }),
    ...(onReject !== undefined && { onReject }),
  };
}

interface Range {
  readonly least: number;
  readonly most: number;
  readonly otherwise: number;
}

/** Lines that travel together, under one key however often they are sent. */
export class Batch {
  readonly key: string;
  readonly bornMs: number;
  readonly lines: string[] = [];
  bytes = 0;
  /** What is known to be on the disk, although the request failed. */
  taken: Taken | undefined;
  readonly settled: Promise<void>;
  readonly settle: () => void;

  constructor(key: string, bornMs: number) {
    this.key = key;
    this.bornMs = bornMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.settle = resolve;
  }

  add(line: string, bytes: number): void {
    this.lines.push(line);
    this.bytes += bytes;
  }
}

/** The pause before the next round of tries; null: this batch will never be taken. */
export function batchWaitMs(error: unknown, rounds: number, random: () => number): number | null {
  if (!mayPass(error, rounds)) return null;
  const wishMs = error instanceof ApiError ? error.retryAfterMs : null;
  return Math.min(BATCH_RETRY_MS_MAX, wishMs ?? doublingWaitMs(rounds, random, BATCH_RETRY_MS_MAX));
}

/** An answer of 500 is a mistake of the API's, perhaps about this very batch: it must not hold up the others for long. */
function mayPass(error: unknown, rounds: number): boolean {
  if (error instanceof UnreachableError) return true;
  if (!(error instanceof ApiError)) return false;
  return isPassing(error.status) || (error.status >= 500 && rounds < TRIES_MAX);
}
