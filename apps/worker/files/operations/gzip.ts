import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { FILE_PIECE_BYTES } from "@millrace/core/limits";
import { defineOperation, type OperationInput } from "../operation.ts";

export default defineOperation("gzip", async (input, { level }) => {
  let bytes = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for await (const piece of compressed(input, level)) {
      bytes += piece.length;
      yield piece;
    }
  }
  return {
    output: { contentType: "application/gzip", extension: "gz", body: body() },
    summary: () => ({ bytes_in: input.bytes, bytes_out: bytes }),
  };
});

async function* compressed(input: OperationInput, level: number): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level, chunkSize: FILE_PIECE_BYTES });
  const fed = pipeline(Readable.from(input.pieces(), { objectMode: true }), gzip);
  fed.catch(() => {}); // It is awaited below; until then a failure reaches the loop through the stream.
  let isFirst = true;
  for await (const piece of gzip) {
    if (isFirst) withoutOrigin(piece);
    isFirst = false;
    yield piece;
  }
  await fed;
}

const TIME_AT = 4;
const SYSTEM_AT = 9;
const UNKNOWN_SYSTEM = 255;

/** The header (RFC 1952) may tell when and where it was made: the same file must give the same result everywhere. */
function withoutOrigin(head: Uint8Array): void {
  head.fill(0, TIME_AT, TIME_AT + 4);
  head[SYSTEM_AT] = UNKNOWN_SYSTEM;
}
