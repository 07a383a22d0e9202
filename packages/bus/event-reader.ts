import { Fault } from "@millrace/core";
import { BATCH_HEADER, EVENTS_STREAM, RECORDER_CONSUMER } from "@millrace/protocol/events/index";
import { JetStreamApiError } from "@nats-io/jetstream";
import { createInbox, type Msg } from "nats";
import type { Bus } from "./connect.ts";
import { readTrace } from "./trace-headers.ts";

/** A message of EVENTS, as it was delivered. */
export interface EventDelivery {
  /** Its sequence in the stream. */
  readonly seq: number;
  /** When the stream took it; epoch ms. */
  readonly storedMs: number;
  /** `Millrace-Batch`. */
  readonly header: string | undefined;
  readonly body: Uint8Array;
  /** Messages of the consumer that were not delivered yet, when this one was. */
  readonly pending: number;
  /** Where to say that it is done with. */
  readonly reply: string;
  /** Of its publication; read only by those who trace. */
  readonly traceContext?: string;
}

export interface EventPull {
  /** Messages, and bytes, at most. */
  readonly batch: number;
  readonly bytesMax: number;
  /** How long to wait for a first message; 0 takes what is there. */
  readonly waitMs: number;
  readonly consumer?: string;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
}

const NO_WAIT_DEADLINE_MS = 5_000;
const NANOSECONDS_PER_MS = 1_000_000;

/**
 * Takes the messages that are there, within the bounds; when there are none, waits for the first one. The bytes are bounded
 * at the server: what it has sent can no longer be held back, and a client that lags behind is cut off.
 */
export async function pullEvents(bus: Bus, pull: EventPull): Promise<readonly EventDelivery[]> {
  const there = await request(bus, pull, { batch: pull.batch, max_bytes: pull.bytesMax, no_wait: true });
  const isOver = pull.waitMs === 0 || pull.signal?.aborted === true || bus.connection.isClosed();
  if (there.length > 0 || isOver) return there;
  return await request(bus, pull, { batch: 1, expires: pull.waitMs * NANOSECONDS_PER_MS });
}

interface PullRequest {
  readonly batch: number;
  readonly max_bytes?: number;
  readonly no_wait?: true;
  readonly expires?: number;
}

function request(bus: Bus, pull: EventPull, wish: PullRequest): Promise<readonly EventDelivery[]> {
  const { promise, resolve } = Promise.withResolvers<readonly EventDelivery[]>();
  const deliveries: EventDelivery[] = [];
  const inbox = createInbox();
  const finish = (): void => {
    clearTimeout(deadline);
    pull.signal?.removeEventListener("abort", finish);
    subscription.unsubscribe();
    resolve(deliveries);
  };
  // A connection that breaks swallows the answer; what was delivered until then is still ours.
  const deadline = setTimeout(finish, NO_WAIT_DEADLINE_MS + (wish.expires === undefined ? 0 : pull.waitMs));
  const subscription = bus.connection.subscribe(inbox, {
    callback: (error, message) => {
      const delivery = error === null ? toDelivery(bus, message) : undefined;
      if (delivery === undefined) return finish();
      deliveries.push(delivery);
      if (deliveries.length === wish.batch) finish();
    },
  });
  const consumer = pull.consumer ?? RECORDER_CONSUMER;
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${EVENTS_STREAM}.${consumer}`;
  bus.connection.publish(subject, JSON.stringify(wish), { reply: inbox });
  if (wish.expires !== undefined) pull.signal?.addEventListener("abort", finish);
  return promise;
}

/** Undefined for a status: no messages, expired, too many bytes, no such consumer. */
function toDelivery(bus: Bus, message: Msg): EventDelivery | undefined {
  const { reply } = message;
  const place = reply === undefined ? undefined : placeOf(reply);
  if (reply === undefined || place === undefined) return undefined;
  const header = message.headers?.get(BATCH_HEADER);
  const traceContext = bus.isTraced === true ? readTrace(message.headers) : undefined;
  return {
    ...{ ...place, header: header === "" ? undefined : header, body: message.data, reply },
    ...(traceContext !== undefined && { traceContext }),
  };
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<ns>.<pending>`; newer servers put domain
 * and account before the stream, and may add a token at the end.
 * @see https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md
 */
function placeOf(reply: string): Pick<EventDelivery, "seq" | "storedMs" | "pending"> | undefined {
  const tokens = reply.split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  const first = tokens.length === 9 ? 2 : 4;
  const [seq, , nanoseconds, pending] = tokens.slice(first + 3).map(Number);
  if (seq === undefined || nanoseconds === undefined || pending === undefined) return undefined;
  if (!Number.isSafeInteger(seq)) return undefined;
  return { seq, storedMs: Math.floor(nanoseconds / NANOSECONDS_PER_MS), pending };
}

/** Done with. May get lost: then the message comes again, and the ledger knows it. */
export function ackEvents(bus: Bus, deliveries: readonly EventDelivery[]): void {
  sayOfAll(bus, deliveries, "+ACK");
}

/** Still at it: the ack wait starts again. */
export function keepEvents(bus: Bus, deliveries: readonly EventDelivery[]): void {
  sayOfAll(bus, deliveries, "+WPI");
}

/** Not by us: comes again at once, to whoever asks. */
export function giveBackEvents(bus: Bus, deliveries: readonly EventDelivery[]): void {
  sayOfAll(bus, deliveries, "-NAK");
}

function sayOfAll(bus: Bus, deliveries: readonly EventDelivery[], word: string): void {
  if (bus.connection.isClosed()) return; // The ack wait says it for us.
  for (const { reply } of deliveries) bus.connection.publish(reply, word);
}

/** Where the stream and its recorder stand. */
export interface EventsState {
  readonly createdAt: Date;
  /** What the stream holds; 0 and 0 for an empty one that never held anything. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  /** Every message up to here was acknowledged, or is gone. */
  readonly ackFloor: number;
  /** Messages that the recorder has not acknowledged. */
  readonly unrecorded: number;
}

/** Throws BUS_UNAVAILABLE when the stream or its consumer is missing. */
export async function readEventsState(bus: Bus): Promise<EventsState> {
  try {
    const consumer = await bus.manager.consumers.info(EVENTS_STREAM, RECORDER_CONSUMER);
    const { state, created } = await bus.manager.streams.info(EVENTS_STREAM);
    return {
      createdAt: new Date(created),
      firstSeq: state.first_seq,
      lastSeq: state.last_seq,
      bytes: state.bytes,
      ackFloor: consumer.ack_floor.stream_seq,
      unrecorded: consumer.num_pending + consumer.num_ack_pending,
    };
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new Fault("BUS_UNAVAILABLE", `the stream ${EVENTS_STREAM} is not as it should be`, {
      cause: error,
    });
  }
}

/** A message by its sequence; null when the stream does not hold it. */
export async function readStoredEvents(
  bus: Bus,
  seq: number,
): Promise<Omit<EventDelivery, "reply" | "pending"> | null> {
  // Any replica may answer the first question, and one that lags behind does not have it yet.
  const message =
    (await bus.manager.direct.getMessage(EVENTS_STREAM, { seq })) ??
    (await bus.manager.streams.getMessage(EVENTS_STREAM, { seq }));
  if (message === null) return null;
  const header = message.header.get(BATCH_HEADER);
  const storedMs = message.time.getTime();
  return { seq: message.seq, storedMs, header: header === "" ? undefined : header, body: message.data };
}

/** When the first message at or behind this sequence came; null when there is none. */
export async function readStoredAt(bus: Bus, seq: number): Promise<Date | null> {
  const message = await bus.manager.direct.getMessage(EVENTS_STREAM, { seq, next_by_subj: ">" });
  return message?.time ?? null;
}

/** Removes everything up to this sequence, and nothing behind it. */
export async function purgeEvents(bus: Bus, upToSeq: number): Promise<void> {
  await bus.manager.streams.purge(EVENTS_STREAM, { seq: upToSeq + 1 });
}
