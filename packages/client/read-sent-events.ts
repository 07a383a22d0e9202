import { createParser, type EventSourceMessage } from "eventsource-parser";

export interface SentEventBounds {
  /** Of one event; a longer one ends the stream. */
  readonly charsMax: number;
  /** How long nothing may come, comments included. A reader who takes long over an event is no silence. */
  readonly silenceMsMax: number;
}

/**
 * The server-sent events of a body, one by one: the body is read no faster than they are taken. Leaving the loop ends the
 * connection. Throws when the connection breaks or falls silent, or an event is too long.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* readSentEvents(
  body: ReadableStream<Uint8Array>,
  { charsMax, silenceMsMax }: SentEventBounds,
): AsyncGenerator<EventSourceMessage, void, void> {
  const ready: EventSourceMessage[] = [];
  let broken: Error | undefined;
  const parser = createParser({
    maxBufferSize: charsMax,
    onEvent: (message) => void ready.push(message),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") broken = error;
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const chunk = await readWithin(reader, silenceMsMax);
      if (chunk === undefined) return;
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* ready.splice(0);
      if (broken !== undefined) throw broken;
    }
  } finally {
    // Rejects when the stream has failed already, which was told.
    reader.cancel().catch(() => {});
  }
}

/** What is used of a reader: its whole type differs between runtimes. */
interface Reader {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** The next bytes; undefined at the end. */
async function readWithin(reader: Reader, silenceMsMax: number): Promise<Uint8Array | undefined> {
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    reader.cancel().catch(() => {}); // Ends the read that waits.
  }, silenceMsMax);
  try {
    const { value } = await reader.read();
    if (isSilent) throw new Error(`nothing came for ${silenceMsMax} ms`);
    return value;
  } finally {
    clearTimeout(timer);
  }
}
