import { Fault } from "@millrace/core";
import { BODY_BYTES_MAX, JSON_DEPTH_MAX } from "@millrace/core/limits";
import type { TSchema } from "elysia";
import { readBytes } from "./read-bytes.ts";

/** A payload at its deepest, inside the fields and lists around it. */
const BODY_DEPTH_MAX = JSON_DEPTH_MAX + 8;
const SYNTAX_MESSAGE_CHARS_MAX = 200;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * A route's option for a JSON body: `.post("/x", handler, { ...jsonBody(Schema) })`.
 * Elysia's own parser would take any content type, let invalid UTF-8 and lone surrogates through, and answer without
 * saying what is wrong.
 */
export function jsonBody<T extends TSchema>(schema: T, bytesMax: number = BODY_BYTES_MAX) {
  const parse = async ({ request }: { request: Request }): Promise<unknown> => {
    requireJson(request.headers);
    return parseJson(await readBytes(request, bytesMax));
  };
  return { parse, body: schema };
}

/** `curl -d` and `fetch(…, { body: "…" })` name another type: the message tells what to send. None at all is let pass. */
function requireJson(headers: Headers): void {
  const mediaType = readMediaType(headers);
  if (mediaType !== "application/json" && !/^application\/[\w.-]+\+json$/.test(mediaType))
    throw new Fault("UNSUPPORTED_MEDIA_TYPE", "send the body as Content-Type: application/json");
}

/**
 * The media type in lower case; application/json when none is named.
 * @throws Fault UNSUPPORTED_MEDIA_TYPE for a body that is compressed, or not in UTF-8.
 */
export function readMediaType(headers: Headers): string {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity")
    throw new Fault("UNSUPPORTED_MEDIA_TYPE", "this route takes no compressed bodies");
  const contentType = headers.get("content-type");
  if (contentType === null || contentType === "application/json") return "application/json";
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters.map((part) => part.trim()).find((part) => part.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))
    throw new Fault("UNSUPPORTED_MEDIA_TYPE", "JSON is UTF-8; no other charset is understood");
  return type.trim();
}

/**
 * Strict where leniency would change what the client meant or fail later: the text must be UTF-8, numbers must fit
 * into a double, strings must be storable (PostgreSQL takes neither NUL nor half a surrogate pair), `__proto__` is no
 * name, and nesting is bounded. Of duplicate keys the last one counts, as in every JavaScript client.
 *
 * @throws Fault BAD_JSON
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new Fault("BAD_JSON", "the body is empty");
  const text = decode(bytes);
  const value = parse(text);
  const problem = findUnsafe(value, text.includes("\\u"));
  if (problem !== undefined)
    throw new Fault("BAD_JSON", `the body holds ${problem.message}`, { errors: [problem] });
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Fault("BAD_JSON", "the body is not valid UTF-8", { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // A SyntaxError names the place; a RangeError means that the parser gave up on the nesting.
    const reason = cause instanceof SyntaxError ? cause.message : "nested too deeply";
    throw new Fault("BAD_JSON", reason.slice(0, SYNTAX_MESSAGE_CHARS_MAX), { cause });
  }
}

interface Unsafe {
  readonly path: string;
  readonly message: string;
}

/** Strings are looked at only when the text has escapes: unescaped, neither NUL nor a lone surrogate gets this far. */
function findUnsafe(value: unknown, hasEscapes: boolean, depth = 0): Unsafe | undefined {
  if (typeof value === "string") return hasEscapes ? findUnsafeText(value) : undefined;
  if (typeof value === "number") {
    const message = "a number that does not fit into a double";
    return Number.isFinite(value) ? undefined : { path: "", message };
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= BODY_DEPTH_MAX) return { path: "", message: `more than ${BODY_DEPTH_MAX} levels of nesting` };
  return Array.isArray(value)
    ? findInList(value, hasEscapes, depth + 1)
    : findInObject(value as Readonly<Record<string, unknown>>, hasEscapes, depth + 1); // From JSON.parse.
}

/** By index: a list of millions must not become a list of pairs. */
function findInList(list: readonly unknown[], hasEscapes: boolean, depth: number): Unsafe | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const unsafe = findUnsafe(list[index], hasEscapes, depth);
    if (unsafe !== undefined) return { ...unsafe, path: `/${index}${unsafe.path}` };
  }
  return undefined;
}

function findInObject(
  object: Readonly<Record<string, unknown>>,
  hasEscapes: boolean,
  depth: number,
): Unsafe | undefined {
  for (const key of Object.keys(object)) {
    const unsafe = findUnsafeName(key, hasEscapes) ?? findUnsafe(object[key], hasEscapes, depth);
    if (unsafe !== undefined) return { ...unsafe, path: `/${escapePointer(key)}${unsafe.path}` };
  }
  return undefined;
}

function findUnsafeName(name: string, hasEscapes: boolean): Unsafe | undefined {
  if (name === "__proto__") return { path: "", message: "the name __proto__" };
  return hasEscapes ? findUnsafeText(name) : undefined;
}

function findUnsafeText(text: string): Unsafe | undefined {
  if (text.includes("\0")) return { path: "", message: "a NUL character (\\u0000)" };
  if (!text.isWellFormed()) return { path: "", message: "half of a surrogate pair" };
  return undefined;
}

/** RFC 6901, section 3. */
function escapePointer(key: string): string {
  return key.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}
