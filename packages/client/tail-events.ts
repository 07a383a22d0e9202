import {
  RETRY_AFTER_MS_MAX,
  SENT_EVENT_CHARS_MAX,
  TAIL_ABSENCE_MS_MAX,
  TAIL_SILENCE_MS_MAX,
  TRIES_MAX,
} from "./bounds.ts";
import { ApiError, UnreachableError } from "./errors.ts";
import { isStoredEvent } from "./event-shapes.ts";
import type { StoredEvent, TailFilter } from "./event-types.ts";
import { readSentEvents } from "./read-sent-events.ts";
import { doublingWaitMs, isPassing } from "./retry.ts";
import { expectShape, isObject } from "./shapes.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** What the API left out, because events came faster than they are read. */
export interface TailDropped {
  /** Events that would have been shown. */
  readonly events: number;
  /** Messages of the stream that were not looked into: many events each, and perhaps none that would have been shown. */
  readonly messages: number;
}

export interface TailOptions extends CallOptions {
  /** From now on events are shown; also after each lost connection. */
  readonly onOpen?: () => void;
  readonly onDropped?: (dropped: TailDropped) => void;
  /** The connection is lost, and is made again after a pause. What comes in meanwhile is not shown. */
  readonly onLost?: (lost: { readonly error: Error; readonly waitMs: number }) => void;
}

/** @see EventsClient.tail */
export async function* tailEvents(
  transport: Transport,
  filter: TailFilter,
  options: TailOptions,
): AsyncGenerator<StoredEvent, void, void> {
  const { signal } = options;
  const absence = new Absence(transport);
  try {
    for (;;) {
      try {
        const opened = () => {
          absence.isOver();
          options.onOpen?.();
        };
        yield* listen(transport, filter, { ...options, onOpen: opened });
      } catch (error) {
        signal?.throwIfAborted();
        const waitMs = absence.waitMs(error);
        if (waitMs === null || !(error instanceof Error)) throw error;
        if (absence.wasOpen) options.onLost?.({ error, waitMs });
        await transport.clock.sleep(waitMs, signal);
      }
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** One connection. Always ends with an error: the API ends no tail of its own accord but when it stops. */
async function* listen(
  transport: Transport,
  filter: TailFilter,
  { signal, onOpen, onDropped }: TailOptions,
): AsyncGenerator<StoredEvent, never, void> {
  const response = await transport.open({
    method: "GET",
    path: "/api/events/tail",
    query: { ...filter },
    headers: { Accept: "text/event-stream" },
    isRepeatable: true,
    signal,
  });
  const body = bodyOf(response);
  const bounds = { charsMax: SENT_EVENT_CHARS_MAX, silenceMsMax: TAIL_SILENCE_MS_MAX };
  try {
    for await (const { event, data } of readSentEvents(body, bounds)) {
      if (event === "open") onOpen?.();
      else if (event === "dropped") onDropped?.(droppedOf(parse(data)));
      else if (event === "event")
        yield expectShape({ status: response.status, body: parse(data) }, isStoredEvent);
    }
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw transport.unreachable(cause);
  }
  throw transport.unreachable(new Error("the stream has ended"));
}

function bodyOf({ body, headers, status }: Response): ReadableStream<Uint8Array> {
  if (body !== null && headers.get("content-type")?.startsWith("text/event-stream")) return body;
  const detail = "the answer is no event stream; is this the base URL of the API?";
  throw new ApiError({ status, code: "UNEXPECTED_RESPONSE", detail });
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function droppedOf(dropped: unknown): TailDropped {
  if (!isObject(dropped)) return { events: 0, messages: 0 };
  return { events: Number(dropped.events ?? 0), messages: Number(dropped.messages ?? 0) };
}

/** How long the API has been away, and whether to go on asking. */
class Absence {
  wasOpen = false;
  readonly #transport: Transport;
  #tries = 0;
  #sinceMs: number | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  isOver(): void {
    this.wasOpen = true;
    this.#tries = 0;
    this.#sinceMs = undefined;
  }

  /** Null: this does not pass, or has lasted too long. Who has never heard anything is told soon. */
  waitMs(error: unknown): number | null {
    const { clock, random } = this.#transport;
    this.#sinceMs ??= clock.nowMs();
    this.#tries += 1;
    const isTooLong = clock.nowMs() - this.#sinceMs >= TAIL_ABSENCE_MS_MAX;
    if (isTooLong || (!this.wasOpen && this.#tries >= TRIES_MAX) || !mayPass(error)) return null;
    const wishMs = error instanceof ApiError ? error.retryAfterMs : null;
    return Math.min(wishMs ?? doublingWaitMs(this.#tries, random), RETRY_AFTER_MS_MAX);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ApiError && isPassing(error.status));
}
