import { constants } from "node:fs";
import { dirname } from "node:path";
import type { BlobReading, ReadOptions } from "../blobs.ts";
import { spanOf } from "../range.ts";
import { diskFaultOf, ifThere } from "./disk-fault.ts";
import { refuseLinks } from "./layout.ts";
import { OpenFile } from "./open-file.ts";

const CHUNK_BYTES = 64 * 1024;

/** Whoever has it open reads on undisturbed when it is removed or written anew. */
export async function readFile(path: string, options: ReadOptions): Promise<BlobReading | undefined> {
  const file = await ifThere(OpenFile.open(path, constants.O_RDONLY));
  if (file === undefined) return undefined;
  try {
    await refuseLinks(dirname(path));
    const size = Number((await file.stat()).size);
    const span = spanOf(options.range, size);
    options.signal?.throwIfAborted();
    return { bytes: size, ...span, stream: streamOf(file, { ...span, signal: options.signal }) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface Part {
  readonly start: number;
  readonly length: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads a chunk when one is asked for, not before. Not `Bun.file().slice().stream()`: in several releases of Bun that
 * gave more than the slice, or never ended.
 */
function streamOf(file: OpenFile, { start, length, signal }: Part): ReadableStream<Uint8Array> {
  const end = start + length;
  let position = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          signal?.throwIfAborted();
          const chunk = new Uint8Array(Math.min(CHUNK_BYTES, end - position));
          if (chunk.byteLength > 0) {
            const bytesRead = await file.read(chunk, position);
            if (bytesRead === 0) throw new Error(`a blob ends at ${position} instead of ${end}`);
            position += bytesRead;
            controller.enqueue(chunk.subarray(0, bytesRead));
          }
          if (position < end) return;
          await file.close();
          controller.close();
        } catch (error) {
          await file.close();
          throw diskFaultOf(error);
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}
