import { Fault } from "@millrace/core";
import type { ByteSource } from "./blobs.ts";

export interface BlockOptions {
  readonly blockBytes: number;
  /** Where the next block goes, when it is not to be the same memory. At least `blockBytes`. */
  readonly memory?: () => Uint8Array;
  /** Bytes that the source may give. */
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
  /** Stands before the bytes of the source, and does not count. Shorter than a block. */
  readonly head?: Uint8Array;
  /** True: when the source fails, what came before is given as the last block, and only then the error. */
  readonly keepsRest?: boolean;
}

/**
 * The source in blocks of equal size; the last one is shorter, and never empty. Each is over when the next
 * is asked for, unless `memory` gives others, and nothing is read from the source meanwhile. That is the back-pressure.
 */
export async function* blocksOf(source: ByteSource, options: BlockOptions): AsyncGenerator<Uint8Array> {
  const { blockBytes, head, memory, keepsRest = false } = options;
  let block = memory?.() ?? new Uint8Array(blockBytes);
  block.set(head ?? []);
  let filled = head?.byteLength ?? 0;
  try {
    for await (const chunk of chunksOf(source, options)) {
      let rest = chunk;
      while (rest.byteLength > 0) {
        const taken = rest.subarray(0, blockBytes - filled);
        block.set(taken, filled);
        filled += taken.byteLength;
        rest = rest.subarray(taken.byteLength);
        if (filled < blockBytes) continue;
        filled = 0;
        yield block;
        if (memory !== undefined) block = memory();
      }
      source.giveBack?.(chunk);
    }
  } catch (error) {
    if (keepsRest && filled > 0) yield block.subarray(0, filled);
    throw error;
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** The source as it gives its chunks, until it has given too much, or the signal fires. */
export async function* chunksOf(
  source: ByteSource,
  { bytesMax, signal }: Pick<BlockOptions, "bytesMax" | "signal">,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let bytes = 0;
  try {
    for (;;) {
      const { done, value: chunk } = await orAborted(chunks.next(), signal);
      if (done === true) return;
      if (!(chunk instanceof Uint8Array)) throw new TypeError("a source of bytes gave something else");
      bytes += chunk.byteLength;
      if (bytes > bytesMax) throw tooManyBytes(bytesMax);
      yield chunk;
    }
  } finally {
    // Not waited for: a source that gives nothing more may not answer either.
    void Promise.resolve(chunks.return?.()).catch(ignore);
  }
}

export function tooManyBytes(bytesMax: number): Fault {
  return new Fault("BODY_TOO_LARGE", `there are more than ${bytesMax} bytes`, {
    members: { limit: bytesMax },
  });
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Whoever gave up on a source has told so; how the source takes it changes nothing. */
function ignore(): void {}
