import { HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX } from "@millrace/core/limits";
import { isObject, type JsonObject, type Problems, pointer } from "./fields.ts";

/** Names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** RFC 9110 §5.1: a name is a token. */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
/** RFC 9110 §5.5, without obs-text: what is beyond ASCII is read differently by different servers. No CR, no LF. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** Ours to set: they frame the message, name the connection, or carry the promise that the task makes. */
const RESERVED: ReadonlySet<string> = new Set([
  "accept-encoding", // The response is decoded here, with a bound.
  "connection",
  "content-length",
  "expect",
  "host",
  "idempotency-key", // Always the task's id: that is what makes a repeated attempt harmless.
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-correlation-id",
]);

export function readHeaders(payload: JsonObject, problems: Problems): Headers {
  const given = payload.headers ?? {};
  if (!isObject(given)) {
    problems.add(pointer("headers"), "must be an object of names and texts");
    return {};
  }
  const entries = Object.entries(given);
  if (entries.length > HTTP_HEADERS_MAX)
    problems.add(pointer("headers"), `must have at most ${HTTP_HEADERS_MAX} entries`);
  const headers: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of entries.slice(0, HTTP_HEADERS_MAX)) {
    const lower = name.toLowerCase();
    const problem = Object.hasOwn(headers, lower) ? "is given twice" : headerProblem(lower, value);
    if (problem !== undefined) problems.add(pointer("headers", name), problem);
    else if (typeof value === "string") headers[lower] = value;
    bytes += name.length + (typeof value === "string" ? value.length : 0);
  }
  if (bytes > HTTP_HEADERS_BYTES_MAX)
    problems.add(pointer("headers"), `must be at most ${HTTP_HEADERS_BYTES_MAX} bytes together`);
  return headers;
}

function headerProblem(name: string, value: unknown): string | undefined {
  if (!NAME.test(name) || name === "__proto__") return "is not a header name";
  if (RESERVED.has(name)) return "is set by Millrace and cannot be overridden";
  if (typeof value !== "string") return "must be text";
  if (!VALUE.test(value)) return "must be printable ASCII, without line breaks";
  return undefined;
}
