import { STREAM_WAITING_BYTES_MAX, TAIL_EVENTS_PER_SECOND_MAX } from "@millrace/core/limits";
import type { EventFilter } from "@millrace/store";
import { type EventStream, eventStream } from "../live/event-stream.ts";
import type { Ports } from "../ports.ts";
import type { TailedEvent } from "./tail-lines.ts";

/** Below this much room nothing is sent: an event of the largest size must still fit, or the stream would end. */
const ROOM_MIN = STREAM_WAITING_BYTES_MAX / 2;
const TELL_EVERY_MS = 1_000;

/**
 * The live tail: `open` at once, `event` for each event that matches, and `dropped` {events, messages} when some were left out because the
 * viewer, or this process, is slower than the stream. What waits for a viewer is bounded. Throws OVERLOADED.
 */
export function streamTail(ports: Pick<Ports, "eventTail" | "draining">, filter: EventFilter): Response {
  return eventStream({
    draining: ports.draining,
    start: (stream) => {
      const viewer = new Viewer(stream, filter);
      const unwatch = ports.eventTail.watch(viewer);
      const timer = setInterval(() => viewer.tellDropped(), TELL_EVERY_MS);
      stream.send("open", {}); // Without a first byte, clients would wait for the head of the response.
      return () => {
        clearInterval(timer);
        unwatch();
      };
    },
  });
}

class Viewer {
  readonly #stream: EventStream;
  readonly #matches: (tailed: TailedEvent) => boolean;
  #sentThisSecond = 0;
  #droppedEvents = 0;
  #skippedMessages = 0;

  constructor(stream: EventStream, filter: EventFilter) {
    this.#stream = stream;
    this.#matches = matcherOf(filter);
  }

  onEvent(tailed: TailedEvent): void {
    if (!this.#matches(tailed)) return;
    if (this.#sentThisSecond >= TAIL_EVENTS_PER_SECOND_MAX || this.#stream.room < ROOM_MIN) {
      this.#droppedEvents += 1;
      return;
    }
    this.#sentThisSecond += 1;
    this.#stream.send("event", tailed.event);
  }

  onSkipped(messages: number): void {
    this.#skippedMessages += messages;
  }

  tellDropped(): void {
    this.#sentThisSecond = 0;
    const isNone = this.#droppedEvents === 0 && this.#skippedMessages === 0;
    if (isNone || this.#stream.room < ROOM_MIN) return;
    this.#stream.send("dropped", { events: this.#droppedEvents, messages: this.#skippedMessages });
    this.#droppedEvents = 0;
    this.#skippedMessages = 0;
  }
}

function matcherOf({ ownerId, type, source, level, text }: EventFilter): (tailed: TailedEvent) => boolean {
  const lowered = text?.toLowerCase();
  return ({ ownerId: owner, event }) =>
    (ownerId === null || ownerId === owner) &&
    (type === undefined || type === event.type) &&
    (source === undefined || source === event.source) &&
    (level === undefined || level === event.level) &&
    (lowered === undefined || event.message.toLowerCase().includes(lowered));
}
