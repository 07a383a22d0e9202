import type { ByteSource } from "@millrace/blobs";

/** Bytes of which each chunk is looked at until it is given back, and no copy need be made. */
export function lent(
  bytes: AsyncIterable<Uint8Array>,
  giveBack: (chunk: Uint8Array) => void,
): Required<ByteSource> {
  return { [Symbol.asyncIterator]: () => bytes[Symbol.asyncIterator](), giveBack };
}

/** The same chunks, each looked at by `each` when it comes; given back to where they are from. */
export function watched(
  source: Required<ByteSource>,
  each: (chunk: Uint8Array) => void,
): Required<ByteSource> {
  const look = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      each(chunk);
      yield chunk;
    }
  };
  return lent(look(), (chunk) => source.giveBack(chunk));
}
