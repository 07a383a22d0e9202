import { Fault } from "@millrace/core";

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
/** RFC 8878 asks decoders for windows of 8 MiB; the format would allow a header of six bytes to ask for terabytes. */
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const RAW_OR_COMPRESSED_BLOCK_HEADER = 3;
const RLE = 1;
const RESERVED = 3;

/**
 * Walks the frames of a zstd body (RFC 8878, section 3.1) without unpacking them. The decoder ends without a word where
 * its input ends, so a body that was cut would look like a shorter one.
 * @throws Fault BAD_REQUEST for what is cut, followed by something else, or asks for too large a window.
 */
export function requireWholeZstd(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length === 0) throw broken("is empty");
  try {
    for (let at = 0; at < body.length; ) at = skipFrame(view, at);
  } catch (error) {
    if (error instanceof RangeError) throw broken("ends before its end"); // A read beyond the end.
    throw error;
  }
}

function skipFrame(view: DataView, start: number): number {
  const magic = view.getUint32(start, true);
  if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC)
    return within(view, start + 8 + view.getUint32(start + 4, true));
  if (magic !== FRAME_MAGIC) throw broken("is no zstd, or something follows it");
  const { end, hasChecksum } = readHeader(view, start + 4);
  const afterBlocks = skipBlocks(view, end);
  return within(view, afterBlocks + (hasChecksum ? 4 : 0));
}

function readHeader(view: DataView, start: number): { end: number; hasChecksum: boolean } {
  const descriptor = view.getUint8(start);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  let at = start + 1;
  if (!isSingleSegment) requireWindow(windowBytes(view.getUint8(at++)));
  at += DICTIONARY_BYTES[descriptor & 3] ?? 0;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  if (isSingleSegment) requireWindow(contentBytes(view, at, sizeBytes));
  return { end: at + sizeBytes, hasChecksum: (descriptor & 0x04) !== 0 };
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentBytes(view: DataView, at: number, sizeBytes: number): number {
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  if (sizeBytes === 4) return view.getUint32(at, true);
  return Number(view.getBigUint64(at, true));
}

function requireWindow(bytes: number): void {
  if (bytes > WINDOW_BYTES_MAX)
    throw broken(`needs a window of ${bytes} bytes; ${WINDOW_BYTES_MAX} are allowed`);
}

function skipBlocks(view: DataView, start: number): number {
  for (let at = start; ; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (header >>> 1) & 3;
    if (type === RESERVED) throw broken("has a block of an unknown type");
    at += RAW_OR_COMPRESSED_BLOCK_HEADER + (type === RLE ? 1 : header >>> 3);
    if ((header & 1) === 1) return at;
  }
}

function within(view: DataView, end: number): number {
  if (end > view.byteLength) throw broken("ends before its end");
  return end;
}

function broken(what: string): Fault {
  return new Fault("BAD_REQUEST", `the zstd body ${what}`);
}
