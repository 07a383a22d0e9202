import { Fault } from "@millrace/core";
import { STREAM_WAITING_BYTES_MAX, STREAMS_MAX } from "@millrace/core/limits";

export interface EventStream {
  /** @param id what a reader that comes back says it has seen (Last-Event-ID). False: the reader is too slow or gone, and the stream has ended; it comes back and starts over. */
  send(event: string, data: unknown, id?: string): boolean;
  /** The same for what goes to many readers, and was put into words once. */
  sendFrame(frame: Frame): boolean;
  close(): void;
  /** Bytes that may still wait for the reader; for senders that leave things out rather than end. */
  readonly room: number;
}

/** An event as it goes over the wire. */
export type Frame = Uint8Array<ArrayBuffer>;

export function frameOf(event: string, data: unknown, id?: string): Frame {
  const name = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`${name}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

export interface EventStreamOptions {
  /** Aborts when the process drains. */
  readonly draining: AbortSignal;
  /** Begins to send; the function it returns is called once when the stream ends, by whichever side. */
  readonly start: (stream: EventStream) => () => void;
}

/** A comment line this often keeps proxies and the server from taking a quiet stream for a dead one. */
const COMMENT_EVERY_MS = 10_000;
const encoder = new TextEncoder();
const COMMENT: Frame = encoder.encode(": still here\n\n");
let openStreams = 0;

/**
 * Server-sent events. What waits for a slow reader is bounded, by STREAM_WAITING_BYTES_MAX and one event more: beyond,
 * the connection is cut and what waited is let go; the browser's EventSource connects again. Throws OVERLOADED beyond
 * STREAMS_MAX streams.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function eventStream({ draining, start }: EventStreamOptions): Response {
  if (openStreams >= STREAMS_MAX)
    throw new Fault("OVERLOADED", "too many streams are open", { retryAfterS: 5 });
  openStreams += 1;
  let end = (): void => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        end = begin(controller, draining, start);
      },
      cancel: () => end(),
    },
    { highWaterMark: STREAM_WAITING_BYTES_MAX, size: (chunk) => chunk?.byteLength ?? 0 },
  );
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    },
  });
}

function begin(
  controller: ReadableStreamDefaultController<Uint8Array>,
  draining: AbortSignal,
  start: EventStreamOptions["start"],
): () => void {
  let isOpen = true;
  let stop = (): void => {};
  const end = (leave: () => void): void => {
    if (!isOpen) return;
    isOpen = false;
    openStreams -= 1;
    clearInterval(comments);
    draining.removeEventListener("abort", close);
    stop();
    try {
      leave();
    } catch {
      // The reader cancelled, so it is closed already.
    }
  };
  const close = (): void => end(() => controller.close());
  const write = (frame: Frame): boolean => {
    if (!isOpen) return false;
    if ((controller.desiredSize ?? 0) <= 0) {
      end(() => controller.error(new Error("the reader is too slow")));
      return false;
    }
    controller.enqueue(frame);
    return true;
  };
  const comments = setInterval(() => write(COMMENT), COMMENT_EVERY_MS);
  draining.addEventListener("abort", close);
  const stream: EventStream = {
    send: (event, data, id) => write(frameOf(event, data, id)),
    sendFrame: write,
    close,
    get room() {
      return isOpen ? Math.max(0, controller.desiredSize ?? 0) : 0;
    },
  };
  try {
    stop = start(stream);
  } catch (error) {
    close();
    throw error;
  }
  if (!isOpen)
    stop(); // It ended while it began.
  else if (draining.aborted) close(); // A connection that was there already brings requests also now.
  return close;
}
