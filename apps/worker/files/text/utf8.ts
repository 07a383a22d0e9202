import { isUtf8 } from "node:buffer";
import { inputInvalid, type Piece } from "../operation.ts";

/** The same bytes in pieces that end between characters, and are UTF-8: the first byte that is not fails the file. */
export async function* utf8Pieces(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  let offset = 0;
  let rest: Piece = new Uint8Array(0);
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : joined(rest, piece);
    const length = completeLength(bytes);
    const complete = bytes.subarray(0, length);
    if (!isUtf8(complete)) throw notUtf8(complete, offset);
    rest = bytes.slice(length); // A copy of at most three bytes: the piece itself goes to the reader.
    offset += length;
    if (length > 0) yield complete;
  }
  if (rest.length > 0)
    throw inputInvalid(`the file ends within a character, at byte ${offset + rest.length}`);
}

function joined(head: Piece, tail: Piece): Piece {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

const CHAR_BYTES_MAX = 4;

/** Bytes up to the last character that is whole. What is no UTF-8 counts as whole: it is found by who reads it. */
export function completeLength(bytes: Uint8Array): number {
  for (let back = 1; back < CHAR_BYTES_MAX && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return sequenceLength(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

export function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Bytes of the character that begins with this one; 0 when none does. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

function notUtf8(bytes: Uint8Array, offset: number): Error {
  let at = 0;
  for (let length = 1; length > 0 && at < bytes.length; at += length) {
    length = sequenceLength(bytes[at] ?? 0);
    if (length === 0 || !isUtf8(bytes.subarray(at, at + length))) break;
  }
  const byte = (bytes[at] ?? 0).toString(16).padStart(2, "0");
  const isUtf16 = offset === 0 && at < 2 && /^(fffe|feff)/.test(hex(bytes.subarray(0, 2)));
  const hint = isUtf16 ? "; it begins like UTF-16" : "";
  return inputInvalid(`not UTF-8: byte 0x${byte} at offset ${offset + at}${hint}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
