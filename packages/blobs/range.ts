import type { ByteRange } from "./blobs.ts";

export interface Span {
  readonly start: number;
  readonly length: number;
}

/** What a range means in a blob of so many bytes. Throws RangeError when it starts at or beyond the end. */
export function spanOf(range: ByteRange | undefined, bytes: number): Span {
  if (range === undefined) return { start: 0, length: bytes };
  const { start, end = bytes - 1 } = range;
  const isSane = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start;
  // The end of an empty blob is -1, so that no range fits one.
  if (start >= bytes || !isSane) throw new RangeError(`${start}-${end} is no range of ${bytes} bytes`);
  return { start, length: Math.min(end, bytes - 1) - start + 1 };
}
