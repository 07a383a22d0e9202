import type { ByteSource } from "@millrace/blobs";

/** Bytes of which each chunk is looked at until it is given back, and no copy need be made. */
export function lent(
  bytes: AsyncIterable<Uint8Array>,
  giveBack: (chunk: Uint8Array) => void,
): Required<ByteSource> {
  return { [Symbol.asyncIterator]: () => bytes[Symbol.asyncIterator](), giveBack };
}
