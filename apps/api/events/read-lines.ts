import { Fault } from "@millrace/core";
import { EVENTS_BODY_BYTES_MAX } from "@millrace/core/limits";
import { readBytes } from "../http/read-bytes.ts";
import type { Reservation } from "./held-bytes.ts";
import { arrayToLines, isArray, skipBlanks, valueToLine } from "./json-to-lines.ts";
import { lineBlocks } from "./line-blocks.ts";
import { type Packing, UNPACKED_AT_ONCE_BYTES_MAX, unpackAtOnce, unpackPieces } from "./unpack.ts";

/** Bodies of a known length up to this are read whole, and larger ones as they come. */
const WHOLE_BYTES_MAX = 1024 * 1024;
/** What a body that is read as it comes takes: a part on its way, one being filled, and the pieces between. */
const STREAMED_BYTES = 3 * 1024 * 1024;

export interface EventsBody {
  readonly request: Request;
  readonly packing: Packing | undefined;
  readonly reservation: Reservation;
}

/**
 * The body as blocks of whole lines: one for nearly all requests, several for long ones.
 * A body that ends early, unpacks to too much, or passes the bound throws after the blocks before.
 */
export async function readLines(body: EventsBody): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const { request, packing, reservation } = body;
  const declared = declaredBytes(request.headers);
  if (packing === undefined) {
    if (declared !== undefined && declared <= WHOLE_BYTES_MAX) {
      reservation.add(declared);
      return withoutMark(await readBytes(request, WHOLE_BYTES_MAX));
    }
    reservation.add(STREAMED_BYTES);
    return lineBlocks(withoutMarkAtStart(piecesOf(request)));
  }
  const packed = await readPacked(body, declared);
  reservation.add(STREAMED_BYTES);
  const small = packed.length <= UNPACKED_AT_ONCE_BYTES_MAX ? unpackAtOnce(packed, packing) : undefined;
  if (small !== undefined) return withoutMark(small);
  return lineBlocks(withoutMarkAtStart(unpackPieces(packed, packing)));
}

/** The whole body, unpacked. */
export async function readWhole(body: EventsBody): Promise<Uint8Array> {
  const { request, packing, reservation } = body;
  const declared = declaredBytes(request.headers);
  if (packing === undefined) {
    if (declared === undefined) return collect(piecesOf(request), reservation);
    reservation.add(declared);
    return withoutMark(await readBytes(request, EVENTS_BODY_BYTES_MAX));
  }
  const packed = await readPacked(body, declared);
  reservation.add(UNPACKED_AT_ONCE_BYTES_MAX);
  const small = packed.length <= UNPACKED_AT_ONCE_BYTES_MAX ? unpackAtOnce(packed, packing) : undefined;
  return small === undefined ? collect(unpackPieces(packed, packing), reservation) : withoutMark(small);
}

/** A JSON value, or an array of them, as lines. Throws BAD_JSON for an array that is none. */
export async function readJsonAsLines(body: EventsBody): Promise<{ lines: Uint8Array; isArray: boolean }> {
  const lines = await readWhole(body);
  if (skipBlanks(lines, 0) === lines.length) throw new Fault("BAD_JSON", "the body is empty");
  const hasMany = isArray(lines);
  if (hasMany) arrayToLines(lines);
  else valueToLine(lines);
  return { lines, isArray: hasMany };
}

function declaredBytes(headers: Headers): number | undefined {
  const declared = headers.get("content-length");
  if (declared === null) return undefined;
  const bytes = Number(declared);
  if (bytes > EVENTS_BODY_BYTES_MAX) throw tooLarge();
  return bytes;
}

async function readPacked(body: EventsBody, declared: number | undefined): Promise<Uint8Array> {
  if (declared === undefined) return collect(piecesOf(body.request), body.reservation);
  body.reservation.add(declared);
  return readBytes(body.request, EVENTS_BODY_BYTES_MAX);
}

/** What comes over the network, up to the bound. */
async function* piecesOf(request: Request): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  let bytes = 0;
  try {
    for await (const piece of request.body) {
      bytes += piece.length;
      if (bytes > EVENTS_BODY_BYTES_MAX) throw tooLarge();
      yield piece;
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault("BAD_REQUEST", "the body ended before its end", { cause: error });
  }
}

async function collect(pieces: AsyncIterable<Uint8Array>, reservation: Reservation): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  for await (const piece of pieces) {
    reservation.add(piece.length);
    kept.push(new Uint8Array(piece));
  }
  return withoutMark(Buffer.concat(kept));
}

function tooLarge(): Fault {
  return new Fault("BODY_TOO_LARGE", `the body may have ${EVENTS_BODY_BYTES_MAX} bytes at most`);
}

const MARK = [0xef, 0xbb, 0xbf] as const;

/** A byte order mark says nothing about UTF-8, and some editors write one. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return MARK.every((byte, index) => bytes[index] === byte) ? bytes.subarray(MARK.length) : bytes;
}

/** Its three bytes may come in pieces of their own. */
async function* withoutMarkAtStart(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const piece of pieces) {
    if (start === undefined) {
      yield piece;
      continue;
    }
    start = Buffer.concat([start, piece]);
    if (start.length < MARK.length) continue;
    yield withoutMark(start);
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}
