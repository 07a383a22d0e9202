import type { IncomingHttpHeaders } from "node:http";
import type { Json } from "@millrace/core";
import { JSON_DEPTH_MAX, RESULT_BYTES_MAX } from "@millrace/core/limits";

/** Of the response's headers, what a result keeps. */
const HEADERS_KEPT_MAX = 64;
const HEADER_CHARS_MAX = 1_024;
const HEADERS_CHARS_MAX = 8 * 1_024;
/** Session cookies in a stored result are a way in for whoever reads results. */
const DROPPED: ReadonlySet<string> = new Set(["set-cookie", "set-cookie2"]);
/** What the body may take of the result, as JSON: the rest is for headers and names. */
const BODY_JSON_BYTES_MAX = RESULT_BYTES_MAX - 32 * 1_024;
/** A character takes at most 6 bytes as JSON: `\u0001`. */
const JSON_BYTES_PER_CHAR_MAX = 6;

export interface BodyValue {
  readonly body: Json;
  readonly isTruncated: boolean;
}

/** Names in lower case; long values are cut, and what passes the bounds is left out. */
export function headersValue(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  let chars = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || DROPPED.has(name)) continue;
    const text = storableText(Array.isArray(value) ? value.join(", ") : value).slice(0, HEADER_CHARS_MAX);
    chars += name.length + text.length;
    if (chars > HEADERS_CHARS_MAX || Object.keys(kept).length >= HEADERS_KEPT_MAX) break;
    kept[name] = text;
  }
  return kept;
}

/**
 * A body as a result keeps it: parsed when the content type says JSON and it is whole, parses, and can be stored; else as
 * text. Text that PostgreSQL cannot hold (U+0000, lone surrogates) is replaced by U+FFFD.
 */
export function bodyValue(bytes: Buffer, contentType: string | undefined, isTruncated: boolean): BodyValue {
  const text = decode(bytes, contentType);
  if (!isTruncated && isJsonType(contentType)) {
    const parsed = parse(text);
    if (parsed !== undefined) return { body: parsed, isTruncated: false };
  }
  const storable = storableText(text);
  if (storable.length * JSON_BYTES_PER_CHAR_MAX <= BODY_JSON_BYTES_MAX)
    return { body: storable, isTruncated };
  if (Buffer.byteLength(JSON.stringify(storable)) <= BODY_JSON_BYTES_MAX)
    return { body: storable, isTruncated };
  const charsMax = Math.floor(BODY_JSON_BYTES_MAX / JSON_BYTES_PER_CHAR_MAX);
  return { body: storableText(storable.slice(0, charsMax)), isTruncated: true };
}

/** `application/json`, `application/problem+json`, with or without parameters. */
function isJsonType(contentType: string | undefined): boolean {
  return /^[\w.+-]+\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType ?? "");
}

function parse(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json; // JSON.parse returns JSON.
    const isFine = isStorable(value, JSON_DEPTH_MAX - 2); // The result itself nests it two levels deep.
    return isFine && Buffer.byteLength(JSON.stringify(value)) <= BODY_JSON_BYTES_MAX ? value : undefined;
  } catch {
    return undefined;
  }
}

function isStorable(value: Json, depthMax: number): boolean {
  if (typeof value === "string") return storableText(value) === value;
  if (typeof value !== "object" || value === null) return true;
  if (depthMax === 0) return false;
  return Object.entries(value).every(
    ([name, item]) => storableText(name) === name && isStorable(item, depthMax - 1),
  );
}

function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

function decode(bytes: Buffer, contentType: string | undefined): string {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType ?? "")?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset as Bun.Encoding).decode(bytes); // Throws when it is none.
  } catch {
    return new TextDecoder().decode(bytes); // A charset that nobody knows.
  }
}
