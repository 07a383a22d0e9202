import { Fault } from "@millrace/core";
import { MESSAGE_ID_HEADER } from "@millrace/protocol";
import {
  BATCH_HEADER,
  type BatchRequest,
  batchMessageId,
  type EventDoor,
  encodeBatchHeader,
  eventsSubject,
  type RepeatablePart,
  repeatableMessageId,
} from "@millrace/protocol/events/index";
import { headers, type MsgHdrs } from "nats";
import type { Bus } from "./connect.ts";
import { Ordinals, type Ticket } from "./ordinals.ts";
import { eventRefusalOf, isNoResponder, type PubAck, readPubAck } from "./pub-ack.ts";

/** One message of EVENTS: lines of one request or of several. */
export interface EventBatch {
  readonly door: EventDoor;
  readonly body: Uint8Array;
  /** Lines in the body. */
  readonly events: number;
  readonly requests: readonly BatchRequest[];
  /** Set when the one request in it has an Idempotency-Key. */
  readonly repeatable?: RepeatablePart;
}

export interface EventPublisherOptions {
  /** How long one message may take, reconnecting and repeating included. */
  readonly deadlineMs?: number;
  /** A message that waits for this long means that the broker is slow: nothing new is taken meanwhile. */
  readonly stallMs?: number;
}

interface Flight {
  readonly sinceMs: number;
  /** Called when the connection is lost. */
  onLoss: (() => void) | undefined;
}

const DEADLINE_MS = 5_000;
const STALL_MS = 2_000;
const PAUSE_MS = 50;
const RETRY_AFTER_S = 2;

/**
 * Publishes to EVENTS and waits until the message is on the disk. When the connection breaks on the way, the message is
 * sent again with the same id, so that it is stored once. While the broker is away or stalls, everything is refused at
 * once: a queue in memory would only lose more, later.
 */
export class EventPublisher {
  readonly #bus: Bus;
  readonly #deadlineMs: number;
  readonly #stallMs: number;
  readonly #ordinals = new Ordinals(() => crypto.randomUUID().slice(0, 13));
  readonly #flights = new Set<Flight>();
  /** Set while the connection is lost; resolved when it is back. */
  #return: PromiseWithResolvers<void> | undefined;

  constructor(bus: Bus, options: EventPublisherOptions = {}) {
    this.#bus = bus;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    this.#stallMs = options.stallMs ?? STALL_MS;
    void this.#watch();
  }

  /** Undefined: there is no reason why a message should not get through. Asked before a body is read. */
  obstacle(): Fault | undefined {
    if (this.#return !== undefined || this.#bus.connection.isClosed())
      return unavailable("the message broker is away");
    const [oldest] = this.#flights;
    if (oldest !== undefined && performance.now() - oldest.sinceMs > this.#stallMs)
      return unavailable("the message broker does not keep up");
    return undefined;
  }

  /**
   * @returns the stream sequence, of the first time when the message is a repetition.
   * @throws Fault EVENTS_BACKLOG when the stream is full; BUS_UNAVAILABLE when nobody knows whether it was stored.
   */
  async publish(batch: EventBatch): Promise<number> {
    const obstacle = this.obstacle();
    if (obstacle !== undefined) throw obstacle;
    const ticket = this.#ordinals.draw(batch.events);
    const flight: Flight = { sinceMs: performance.now(), onLoss: undefined };
    this.#flights.add(flight);
    try {
      const ack = await this.#send(batch, ticket, flight);
      if (ack.isRepetition) this.#ordinals.giveUp(ticket);
      else this.#ordinals.told(ticket);
      return ack.seq;
    } catch (error) {
      this.#ordinals.giveUp(ticket);
      throw error;
    } finally {
      this.#flights.delete(flight);
      this.#ordinals.settle(ticket);
    }
  }

  async #send(batch: EventBatch, ticket: Ticket, flight: Flight): Promise<PubAck> {
    const subject = eventsSubject(batch.door);
    const options = { headers: headersOf(batch, ticket) };
    const endMs = performance.now() + this.#deadlineMs;
    for (;;) {
      const leftMs = Math.ceil(endMs - performance.now());
      if (leftMs <= 0) throw unavailable("the message broker did not answer in time");
      try {
        const request = this.#bus.connection.request(subject, batch.body, { ...options, timeout: leftMs });
        const answer = await orLoss(request, flight);
        if (answer === undefined) await this.#untilBack(endMs);
        else return readPubAck(answer.string());
      } catch (error) {
        const refusal = await eventRefusalOf(error, this.#bus);
        if (refusal !== undefined) throw refusal;
        if (!isNoResponder(error)) throw unavailable("the message broker did not answer", error);
        await Bun.sleep(PAUSE_MS); // The server is up, and its stream not yet.
      }
    }
  }

  async #untilBack(endMs: number): Promise<void> {
    if (this.#return === undefined) return;
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, Math.max(0, endMs - performance.now()));
    await Promise.race([this.#return.promise, timeout.promise]);
    clearTimeout(timer);
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#bus.connection.status()) {
      if (type === "disconnect" && this.#return === undefined) {
        this.#return = Promise.withResolvers();
        for (const flight of this.#flights) flight.onLoss?.();
      }
      if (type === "reconnect") {
        this.#return?.resolve();
        this.#return = undefined;
      }
    }
  }
}

/** Undefined when the connection was lost first. The client would wait for the whole time-out. */
function orLoss<T>(request: Promise<T>, flight: Flight): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    flight.onLoss = () => resolve(undefined);
    request.then(resolve, reject);
  });
}

function headersOf(batch: EventBatch, { instance, ordinal, before, voided }: Ticket): MsgHdrs {
  const { events, requests, repeatable } = batch;
  const header = headers();
  header.set(
    MESSAGE_ID_HEADER,
    repeatable === undefined ? batchMessageId({ instance, ordinal }) : repeatableMessageId(repeatable),
  );
  header.set(BATCH_HEADER, encodeBatchHeader({ instance, ordinal, before, voided, events, requests }));
  return header;
}

function unavailable(message: string, cause?: unknown): Fault {
  return new Fault("BUS_UNAVAILABLE", message, { cause, retryAfterS: RETRY_AFTER_S });
}
