import { Fault } from "@millrace/core";

const [NEWLINE, SPACE, TAB, RETURN] = [0x0a, 0x20, 0x09, 0x0d];
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
/** No JSON string may hold it, so a string with a raw newline stays one record, and is refused. */
const FORBIDDEN = 0x01;

/**
 * Makes NDJSON of a JSON array where it stands: the commas between its elements become newlines, and newlines within
 * them become blanks. So an array goes the way of lines: judged one by one, a broken element costs only itself, and
 * what travels are the client's own bytes.
 *
 * @throws Fault BAD_JSON when the array does not end, something follows it, or an element is missing. Nothing has been
 * taken then.
 */
export function arrayToLines(body: Uint8Array): void {
  const open = skipBlanks(body, 0);
  body[open] = SPACE;
  let at = open + 1;
  for (let elements = 0; ; elements += 1) {
    const { end, isEmpty } = walkElement(body, at);
    const stop = body[end];
    if (isEmpty && (stop === COMMA || elements > 0))
      throw new Fault("BAD_JSON", `element ${elements} of the array is missing`);
    body[end] = NEWLINE;
    at = end + 1;
    if (stop === CLOSE_LIST) break;
  }
  if (skipBlanks(body, at) < body.length) throw new Fault("BAD_JSON", "something follows the array");
}

/** Up to the comma or bracket that ends the element. Whether it is well-formed shows when it is parsed. */
function walkElement(body: Uint8Array, start: number): { end: number; isEmpty: boolean } {
  let depth = 0;
  let isEmpty = true;
  for (let at = start; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === NEWLINE) body[at] = SPACE;
    else if (byte === QUOTE) at = walkString(body, at);
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_LIST)) return { end: at, isEmpty };
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth -= 1;
    if (isEmpty && byte !== SPACE && byte !== TAB && byte !== RETURN && byte !== NEWLINE) isEmpty = false;
    if (depth < 0) break;
  }
  throw new Fault("BAD_JSON", "the array does not end");
}

/** @returns where the string ends, or the body. */
function walkString(body: Uint8Array, start: number): number {
  for (let at = start + 1; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
    if (byte === NEWLINE || (byte === BACKSLASH && body[at] === NEWLINE)) body[at] = FORBIDDEN;
  }
  return body.length;
}

/** The first byte that is no white space. */
export function skipBlanks(body: Uint8Array, start: number): number {
  let at = start;
  for (; at < body.length; at += 1) {
    const byte = body[at];
    if (byte !== SPACE && byte !== NEWLINE && byte !== TAB && byte !== RETURN) break;
  }
  return at;
}

/**
 * One value as one line: in valid JSON, newlines stand only between tokens. In a string they are no JSON, and stay so.
 */
export function valueToLine(body: Uint8Array): void {
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === NEWLINE) body[at] = SPACE;
    else if (byte === QUOTE) at = walkString(body, at);
  }
}

export function isArray(body: Uint8Array): boolean {
  return body[skipBlanks(body, 0)] === OPEN_LIST;
}
