import type { FileOptions } from "@millrace/protocol/file-operations/index";
import { inputInvalid, type Piece } from "../operation.ts";
import { utf8Pieces } from "../text/utf8.ts";

export type CsvEncoding = FileOptions<"csv-profile">["encoding"];
export type KnownEncoding = Exclude<CsvEncoding, "auto">;

/** What `auto` means for a file that begins so: its byte order mark, else UTF-8. */
export function encodingOf(head: Uint8Array): KnownEncoding {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  return head[0] === 0xfe && head[1] === 0xff ? "utf-16be" : "utf-8";
}

/** The text as UTF-8, without its byte order mark. A NUL fails it: no text has one. */
export async function* decodeText(
  pieces: AsyncIterable<Piece>,
  encoding: KnownEncoding,
): AsyncGenerator<Uint8Array> {
  const decoded = encoding === "utf-8" ? withoutMark(utf8Pieces(pieces)) : transcoded(pieces, encoding);
  let offset = 0;
  for await (const text of decoded) {
    const at = text.indexOf(0);
    if (at >= 0) {
      const where = `a NUL character ${offset + at} bytes into the text (as UTF-8, read from ${encoding})`;
      throw inputInvalid(`not a text: ${where}; is the encoding another one?`);
    }
    offset += text.length;
    if (text.length > 0) yield text;
  }
}

async function* withoutMark(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const piece of pieces) {
    const hasMark = isFirst && piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf;
    isFirst = false;
    yield hasMark ? piece.subarray(3) : piece;
  }
}

const LABELS = { "utf-16le": "utf-16le", "utf-16be": "utf-16be", latin1: "windows-1252" } as const;

async function* transcoded(
  pieces: AsyncIterable<Piece>,
  encoding: Exclude<KnownEncoding, "utf-8">,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(LABELS[encoding], { fatal: true }); // Takes the byte order mark away.
  const encoder = new TextEncoder();
  let offset = 0;
  const decode = (piece?: Piece): string => {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch {
      const end = offset + (piece?.length ?? 0);
      throw inputInvalid(`not ${encoding}: between the bytes ${Math.max(0, offset - 1)} and ${end}`);
    }
  };
  for await (const piece of pieces) {
    yield encoder.encode(decode(piece));
    offset += piece.length;
  }
  yield encoder.encode(decode());
}
