import { Fault } from "@millrace/core";
import { MESSAGE_ID_HEADER } from "@millrace/protocol";
import {
  BATCH_HEADER,
  type BatchRequest,
  batchMessageId,
  decodeBatchHeader,
  EVENTS_STREAM,
  type EventDoor,
  encodeBatchHeader,
  eventsSubject,
  type RepeatablePart,
  repeatableMessageId,
} from "@millrace/protocol/events/index";
import { errors, headers, type MsgHdrs } from "nats";
import type { Bus } from "./connect.ts";
import { readStoredEvents } from "./event-reader.ts";
import { type EventMark, Ordinals, type Ticket } from "./ordinals.ts";
import { eventRefusalOf, isElecting, isNoResponder, type PubAck, readPubAck } from "./pub-ack.ts";
import { StreamReach } from "./stream-reach.ts";
import { type TracePublish, writeTrace } from "./trace-headers.ts";

/** One message of EVENTS: lines of one request or of several. */
export interface EventBatch {
  readonly door: EventDoor;
  readonly body: Uint8Array;
  /** Lines in the body. */
  readonly events: number;
  readonly requests: readonly BatchRequest[];
  /** Contexts of those of the requests whose traces are recorded. */
  readonly causes?: readonly string[];
  /** Set when the one request in it has an Idempotency-Key. */
  readonly repeatable?: RepeatablePart;
}

export interface EventPublisherOptions {
  /** How long one message may take, reconnecting and repeating included. */
  readonly deadlineMs?: number;
  /** A message that waits for this long means that the broker is slow: nothing new is taken meanwhile. */
  readonly stallMs?: number;
  /** Makes the spans of messages that are traced. */
  readonly trace?: TracePublish | undefined;
}

interface Flight {
  readonly sinceMs: number;
}

const DEADLINE_MS = 5_000;
/** A stream whose leader has died has none for four to nine seconds. Who is on the way then is answered when it has one. */
const ELECTION_MS = 12_000;
/** In a cluster a message can get lost on a connection that stands. Sent again too soon, it would burden one that is slow. */
const FIRST_TRY_MS = 2_000;
const STALL_MS = 2_000;
const PAUSE_MS = 50;
const RETRY_AFTER_S = 2;

/**
 * Publishes to EVENTS and waits until the message is on the disk. When the connection breaks on the way, the message is
 * sent again with the same id, so that it is stored once; so it is when the stream has another leader, which may never have
 * seen it. While the broker is away or stalls, everything is refused at once: a queue in memory would only lose more, later.
 */
export class EventPublisher {
  readonly #bus: Bus;
  readonly #reach: StreamReach;
  readonly #deadlineMs: number | undefined;
  readonly #stallMs: number;
  readonly #trace: TracePublish | undefined;
  readonly #ordinals = new Ordinals(() => crypto.randomUUID().slice(0, 13));
  readonly #flights = new Set<Flight>();

  constructor(bus: Bus, options: EventPublisherOptions = {}) {
    this.#bus = bus;
    this.#reach = new StreamReach(bus, EVENTS_STREAM);
    this.#deadlineMs = options.deadlineMs;
    this.#stallMs = options.stallMs ?? STALL_MS;
    this.#trace = options.trace;
  }

  /** Undefined: there is no reason why a message should not get through. Asked before a body is read. */
  obstacle(): Fault | undefined {
    // Of several servers another one takes over within a moment: worth waiting for, where one alone is not.
    const lostMsMax = this.#reach.isClustered() ? this.#stallMs : 0;
    if (this.#reach.lostForMs() > lostMsMax || this.#bus.connection.isClosed())
      return unavailable("the message broker is away");
    const [oldest] = this.#flights;
    if (oldest !== undefined && performance.now() - oldest.sinceMs > this.#stallMs)
      return unavailable("the message broker does not keep up");
    return undefined;
  }

  /**
   * @returns the stream sequence, of the first time when the message is a repetition.
   * @throws Fault EVENTS_BACKLOG when the stream is full; BUS_UNAVAILABLE when nobody knows whether it was stored;
   *   IDEMPOTENCY_CONFLICT when what the stream holds under its Idempotency-Key are other lines.
   */
  async publish(batch: EventBatch): Promise<number> {
    const obstacle = this.obstacle();
    if (obstacle !== undefined) throw obstacle;
    const ticket = this.#ordinals.draw(batch.events);
    const flight: Flight = { sinceMs: performance.now() };
    this.#flights.add(flight);
    let isNumbered = false;
    try {
      const ack = await this.#send(batch, ticket);
      // Of another request with that key. Without a key the id is this message's own: it was stored at an earlier try.
      if (ack.isRepetition && batch.repeatable !== undefined) this.#ordinals.giveUp(ticket);
      else this.#ordinals.told(ticket);
      isNumbered = true;
      if (ack.isRepetition && batch.repeatable !== undefined)
        await this.#requireSame(batch.repeatable, ack.seq);
      return ack.seq;
    } catch (error) {
      if (!isNumbered) this.#ordinals.giveUp(ticket);
      throw error;
    } finally {
      this.#flights.delete(flight);
      this.#ordinals.settle(ticket);
    }
  }

  /** How far it has come, as far as that was not told: see `Ordinals`. */
  marks(): readonly EventMark[] {
    return this.#ordinals.marks();
  }

  marksTold(marks: readonly EventMark[]): void {
    this.#ordinals.marksTold(marks);
  }

  /** The stream knows messages by their ids alone; whether it holds these lines, only the message itself can say. */
  async #requireSame({ body }: RepeatablePart, seq: number): Promise<void> {
    let stored: Awaited<ReturnType<typeof readStoredEvents>>;
    try {
      stored = await readStoredEvents(this.#bus, seq);
    } catch (error) {
      throw unavailable("the message broker did not say what it holds under the Idempotency-Key", error);
    }
    if (stored === null) return; // Recorded and purged: who asks has looked into the ledger before.
    const first = stored.header === undefined ? undefined : decodeBatchHeader(stored.header)?.requests[0];
    if (first?.body !== undefined && first.body !== body) throw idempotencyConflict();
  }

  async #send(batch: EventBatch, ticket: Ticket): Promise<PubAck> {
    const header = headersOf(batch, ticket);
    if (batch.causes === undefined) return await this.#sendUntilTaken(batch, header);
    const { causes, door, body } = batch;
    const messageId = header.get(MESSAGE_ID_HEADER);
    const message = { causes, stream: EVENTS_STREAM, subject: eventsSubject(door), messageId };
    const span = this.#trace?.({ ...message, bytes: body.length });
    writeTrace(header, span?.context ?? causes[0] ?? "");
    try {
      return await this.#sendUntilTaken(batch, header);
    } catch (error) {
      span?.fail(error instanceof Fault ? error.code : "INTERNAL", "the stream did not take it");
      throw error;
    } finally {
      span?.end();
    }
  }

  async #sendUntilTaken(batch: EventBatch, header: MsgHdrs): Promise<PubAck> {
    const subject = eventsSubject(batch.door);
    const options = { headers: header };
    const endMs =
      performance.now() + (this.#deadlineMs ?? (this.#reach.isClustered() ? ELECTION_MS : DEADLINE_MS));
    for (let tryMs = FIRST_TRY_MS; ; tryMs *= 2) {
      await this.#reach.untilBack(endMs);
      const leftMs = Math.ceil(endMs - performance.now());
      if (leftMs <= 0) throw unavailable("the message broker did not answer in time");
      const timeout = this.#reach.isClustered() ? Math.min(tryMs, leftMs) : leftMs;
      try {
        const request = this.#bus.connection.request(subject, batch.body, { ...options, timeout });
        const answer = await this.#reach.orGone(request);
        if (answer !== undefined) return readPubAck(answer.string());
      } catch (error) {
        if (error instanceof errors.TimeoutError && timeout < leftMs) continue;
        if (!isNoResponder(error) && !isElecting(error)) {
          const refusal = await eventRefusalOf(error, this.#bus);
          throw refusal ?? unavailable("the message broker did not answer", error);
        }
        await Bun.sleep(PAUSE_MS); // The server is up, and its stream not yet, or has no leader.
      }
    }
  }
}

function headersOf(batch: EventBatch, ticket: Ticket): MsgHdrs {
  const { instance, ordinal, before } = ticket;
  const voided = ticket.voided.map((each) => each.ordinal);
  const voidedEvents = ticket.voided.map((each) => each.events);
  const { events, requests, repeatable } = batch;
  const header = headers();
  header.set(
    MESSAGE_ID_HEADER,
    repeatable === undefined ? batchMessageId({ instance, ordinal }) : repeatableMessageId(repeatable),
  );
  header.set(
    BATCH_HEADER,
    encodeBatchHeader({ instance, ordinal, before, voided, voidedEvents, events, requests }),
  );
  return header;
}

function unavailable(message: string, cause?: unknown): Fault {
  return new Fault("BUS_UNAVAILABLE", message, { cause, retryAfterS: RETRY_AFTER_S });
}

/** The same Idempotency-Key as before, and other lines. */
export function idempotencyConflict(): Fault {
  return new Fault(
    "IDEMPOTENCY_CONFLICT",
    "the Idempotency-Key was used before, for a request with other events",
  );
}
