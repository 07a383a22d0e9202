import { open, rm } from "node:fs/promises";
import type { Blobs } from "@millrace/blobs";
import { orDiskFault } from "@millrace/blobs/local/disk-fault";
import { FILE_BYTES_MAX } from "@millrace/core/limits";
import type { ScratchFolder } from "./scratch-folder.ts";

/** The content of a file, where a thread can read it. */
export interface LocalContent extends AsyncDisposable {
  readonly path: string;
  readonly bytes: number;
}

export interface ContentSource {
  readonly blobs: Blobs;
  readonly scratch: ScratchFolder;
  readonly signal: AbortSignal;
}

/**
 * Where the blob lies, or a copy of it that goes when it is disposed of. Undefined when there is no such blob. Throws the
 * signal's reason, and what the storage throws.
 */
export async function openContent(key: string, source: ContentSource): Promise<LocalContent | undefined> {
  const { blobs, signal } = source;
  signal.throwIfAborted();
  if (blobs.localPath === undefined) return await fetchContent(key, source);
  const path = await blobs.localPath(key);
  const stat = await blobs.stat(key);
  if (path === undefined || stat === undefined) return undefined;
  return { path, bytes: stat.bytes, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function fetchContent(
  key: string,
  { blobs, scratch, signal }: ContentSource,
): Promise<LocalContent | undefined> {
  const reading = await blobs.read(key, { signal });
  if (reading === undefined) return undefined;
  if (reading.bytes > FILE_BYTES_MAX) {
    await reading.stream.cancel();
    throw new Error(`the content has ${reading.bytes} bytes, more than a file may have`);
  }
  const path = scratch.newPath();
  const content = { path, bytes: reading.bytes, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  try {
    await orDiskFault(copy(reading.stream, path));
    return content;
  } catch (error) {
    await content[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw error;
  }
}

async function copy(stream: ReadableStream<Uint8Array>, path: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  let offset = 0;
  for await (const piece of stream)
    for (let done = 0; done < piece.byteLength; ) {
      const { bytesWritten } = await file.write(piece, done, piece.byteLength - done, offset);
      done += bytesWritten;
      offset += bytesWritten;
    }
}
