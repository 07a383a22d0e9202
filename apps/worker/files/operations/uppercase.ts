import { defineOperation, type Piece } from "../operation.ts";
import { uppercaseAscii } from "../text/uppercase-ascii.ts";
import { utf8Pieces } from "../text/utf8.ts";

/**
 * Upper case by Unicode's rules that depend on no language and, unlike those for lower case, on no neighbour, so that a
 * text can be cut anywhere between characters. Lengths change: ß becomes SS, ŉ becomes ʼN.
 */
export default defineOperation("uppercase", async (input) => {
  let bytes = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for await (const piece of utf8Pieces(input.pieces())) {
      const upper = uppercase(piece);
      bytes += upper.length;
      yield upper;
    }
  }
  return {
    output: { contentType: "text/plain; charset=utf-8", extension: null, body: body() },
    summary: () => ({ bytes_in: input.bytes, bytes_out: bytes }),
  };
});

const decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // The mark stays: the result is the same kind of file.
const encoder = new TextEncoder();

function uppercase(piece: Piece): Uint8Array {
  return uppercaseAscii(piece) ? encoder.encode(decoder.decode(piece).toUpperCase()) : piece;
}
