import { join } from "node:path";
import type { Blobs, ByteSource } from "@millrace/blobs";
import { openLocalBlobs } from "@millrace/blobs/local/local-blobs";
import { openS3Blobs } from "@millrace/blobs/s3/s3-blobs";
import type { S3Place } from "@millrace/blobs/s3/s3-place";
import { diceOf } from "./dice.ts";
import { s3UnderTest } from "./s3-server.ts";
import { scratch } from "./scratch.ts";

export const MIB = 1024 * 1024;

/** A place for blobs that a child process can be told of. */
export type Storage =
  | { readonly kind: "local"; readonly folder: string }
  | { readonly kind: "s3"; readonly place: S3Place };

export const KINDS = ["local", "s3"] as const;

/** Empty, and nobody else's. */
export async function newStorage(kind: Storage["kind"]): Promise<Storage> {
  if (kind === "s3") return { kind, place: (await s3UnderTest()).newPlace() };
  return { kind, folder: join((await scratch()).folder("blobs"), "files") };
}

export async function openStorage(storage: Storage): Promise<Blobs> {
  return storage.kind === "s3" ? openS3Blobs(storage.place) : openLocalBlobs(storage.folder);
}

export async function newBlobs(kind: Storage["kind"]): Promise<Blobs> {
  return openStorage(await newStorage(kind));
}

/** The same in every process, and no divisor of a block. */
const PATTERN = patternOf(65_536 - 17);
const CHUNK_BYTES = 64 * 1024;

function patternOf(length: number): Uint8Array {
  const dice = diceOf(4);
  return Uint8Array.from({ length }, () => dice.between(0, 255));
}

/** The same bytes for the same `salt`, at any offset; two salts differ in every chunk. */
export function bytesAt(start: number, length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const from = (start + done) % PATTERN.byteLength;
    const piece = PATTERN.subarray(from, from + length - done);
    bytes.set(piece, done);
    done += piece.byteLength;
  }
  if (salt !== 0) for (let index = 0; index < length; index += 1) bytes[index] = (bytes[index] ?? 0) ^ salt;
  return bytes;
}

export interface SourceOptions {
  readonly start?: number;
  readonly salt?: number;
  /** After this many bytes the source fails, as a connection that breaks. */
  readonly cutAfter?: number;
}

export class CutError extends Error {}

export async function* source(length: number, options: SourceOptions = {}): ByteSource {
  const { start = 0, salt = 0, cutAfter = Number.POSITIVE_INFINITY } = options;
  const end = Math.min(length, cutAfter);
  for (let done = 0; done < end; done += CHUNK_BYTES)
    yield bytesAt(start + done, Math.min(CHUNK_BYTES, end - done), salt);
  if (cutAfter <= length) throw new CutError("the source was cut");
}

export async function sha256Of(bytes: ByteSource): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of bytes) hasher.update(chunk);
  return hasher.digest("hex");
}

/** The whole blob; undefined when there is none. */
export async function contentOf(blobs: Blobs, key: string): Promise<Uint8Array | undefined> {
  const reading = await blobs.read(key);
  return reading && new Response(reading.stream).bytes();
}

/** What a sweep finds when everything counts as old: leftovers of writes and uploads. */
export async function leftovers(blobs: Blobs): Promise<number> {
  return (await blobs.sweep({ idleMs: -60_000 })).removed;
}
