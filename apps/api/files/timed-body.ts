import { Fault } from "@millrace/core";
import {
  FILE_BYTES_MAX,
  MULTIPART_EXTRA_BYTES_MAX,
  UPLOAD_MS_MAX,
  UPLOAD_SILENCE_MS_MAX,
} from "@millrace/core/limits";
import { readTurns } from "./read-turns.ts";

export const UPLOAD_BODY_BYTES_MAX = FILE_BYTES_MAX + MULTIPART_EXTRA_BYTES_MAX;

export interface BodyTimes {
  /** How long the sender may be silent, and take in all. */
  readonly idleMs: number;
  readonly totalMs: number;
}

export const UPLOAD_TIMES: BodyTimes = { idleMs: UPLOAD_SILENCE_MS_MAX, totalMs: UPLOAD_MS_MAX };

/**
 * The bytes of a body, as fast as they are taken. Throws UPLOAD_TIMEOUT for a sender who is silent or slow for too long,
 * BODY_TOO_LARGE as soon as there are more than an upload may have, BAD_REQUEST when the body ends before its end.
 * Only waiting for the sender counts as silence: the storage may take its time.
 */
export async function* timedBody(
  body: ReadableStream<Uint8Array>,
  times: BodyTimes = UPLOAD_TIMES,
): AsyncGenerator<Uint8Array, void> {
  const reader: ChunkReader = body.getReader();
  const startedMs = performance.now();
  const turns = readTurns.join();
  let bytes = 0;
  try {
    for (;;) {
      const leftMs = times.totalMs - (performance.now() - startedMs);
      const chunk = await nextChunk(reader, Math.min(times.idleMs, leftMs));
      if (chunk === undefined) return;
      bytes += chunk.byteLength;
      if (bytes > UPLOAD_BODY_BYTES_MAX) throw fileTooLarge();
      await turns.next(); // Before the next one is asked for.
      yield chunk;
    }
  } finally {
    turns.leave();
    // What was not read, the server throws away.
    void reader.cancel().catch(() => {});
  }
}

/** Of a ReadableStream's reader, what is used here: Bun's types and those of the platform differ in the rest. */
interface ChunkReader {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function nextChunk(reader: ChunkReader, waitMs: number): Promise<Uint8Array | undefined> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => silence.reject(timeout()), Math.max(0, waitMs));
  try {
    const { value } = await Promise.race([reader.read(), silence.promise]);
    return value;
  } catch (error) {
    throw error instanceof Fault ? error : bodyCut(error);
  } finally {
    clearTimeout(timer);
  }
}

function timeout(): Fault {
  return new Fault("UPLOAD_TIMEOUT", "the sender was silent for too long, or took too long in all");
}

export function bodyCut(cause: unknown): Fault {
  return new Fault("BAD_REQUEST", "the body ended before its end", { cause });
}

export function fileTooLarge(): Fault {
  return new Fault("BODY_TOO_LARGE", `a file may have ${FILE_BYTES_MAX} bytes at most`, {
    members: { limit: { name: "file", bytes: FILE_BYTES_MAX } },
  });
}
