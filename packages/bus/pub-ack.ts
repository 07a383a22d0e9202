import { Fault } from "@millrace/core";
import { EVENTS_STREAM } from "@millrace/protocol/events/index";
import { errors } from "nats";
import type { Bus } from "./connect.ts";

/** What JetStream says when it does not store a message. */
export class PubAckError extends Error {
  readonly code: number;

  constructor(code: number, description: string) {
    super(description);
    this.name = "PubAckError";
    this.code = code;
  }
}

export interface PubAck {
  readonly seq: number;
  /** A message with this id was stored before, at `seq`; this one was not. */
  readonly isRepetition: boolean;
}

/** @throws PubAckError */
export function readPubAck(text: string): PubAck {
  const ack: Answer = JSON.parse(text);
  if (ack.error !== undefined) throw new PubAckError(ack.error.err_code, ack.error.description);
  if (ack.seq === undefined) throw new PubAckError(0, "no stream sequence in the acknowledgement");
  return { seq: ack.seq, isRepetition: ack.duplicate === true };
}

interface Answer {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code: number; readonly description: string };
}

/** The account or the disk is full: 10002, 10023, 10047 of the server's errors. A full stream is a failed store, 10077. */
const NO_ROOM = new Set([10_002, 10_023, 10_047]);
const STORE_FAILED = 10_077;
const RETRY_AFTER_S = 5;
const INFO_MS_MAX = 1_000;

/** The cluster, or the stream, has no leader just now; or the same message is being stored, and its answer not ready. */
const ELECTING = new Set([10_008, 10_009, 10_118, 10_158]);

export function isElecting(error: unknown): boolean {
  return error instanceof PubAckError && ELECTING.has(error.code);
}

/** The fault of a message that was surely not stored; undefined when that is not what the error says. */
export async function eventRefusalOf(error: unknown, bus: Bus): Promise<Fault | undefined> {
  if (!(error instanceof PubAckError)) return undefined;
  const isFull = error.code === STORE_FAILED && /maximum (bytes|messages)/.test(error.message);
  if (!isFull && !NO_ROOM.has(error.code))
    return new Fault("BUS_UNAVAILABLE", `the stream refuses events: ${error.message}`, {
      cause: error,
      retryAfterS: RETRY_AFTER_S,
    });
  const bytes = isFull ? await streamBytesMax(bus) : undefined;
  return new Fault("EVENTS_BACKLOG", `the stream has no room: ${error.message}`, {
    cause: error,
    retryAfterS: RETRY_AFTER_S,
    members: {
      limit: { name: isFull ? `max_bytes of the stream ${EVENTS_STREAM}` : "storage of NATS", bytes },
    },
  });
}

/** Asked only when the stream is full; without an answer the bound is left out. */
async function streamBytesMax(bus: Bus): Promise<number | undefined> {
  const timeout = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => timeout.resolve(undefined), INFO_MS_MAX);
  const info = bus.manager.streams.info(EVENTS_STREAM).then(
    ({ config }) => config.max_bytes,
    () => undefined,
  );
  const bytes = await Promise.race([info, timeout.promise]);
  clearTimeout(timer);
  return bytes;
}

/** The server is there, and nothing listens on the subject: JetStream is starting, or the stream is gone. */
export function isNoResponder(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}
