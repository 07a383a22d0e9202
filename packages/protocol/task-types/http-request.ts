import type { FieldProblem, Json } from "@millrace/core";
import { HTTP_URL_CHARS_MAX } from "@millrace/core/limits";
import { readExpectStatus, type StatusRange } from "./expect-status.ts";
import { isObject, type JsonObject, type Parsed, Problems, pointer, unknownFields } from "./fields.ts";
import { type Headers, readHeaders } from "./http-headers.ts";

export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

/** What an `http.request` task sends, ready for the wire. */
export interface HttpRequestPayload {
  /** Normalized by the URL parser; http or https, no user name or password, no fragment. */
  readonly url: string;
  readonly method: HttpMethod;
  readonly headers: Headers;
  /** Null: no body. JSON is already text; `content-type` is in the headers whenever there is a body. */
  readonly body: string | null;
  readonly expectStatus: readonly StatusRange[];
}

export const HTTP_REQUEST_FIELDS = ["url", "method", "headers", "body", "expect_status"] as const;

export function parseHttpRequest(payload: Json): Parsed<HttpRequestPayload> {
  if (!isObject(payload)) return { ok: false, errors: [{ path: pointer(), message: "must be an object" }] };
  const problems = new Problems();
  problems.list.push(...unknownFields(payload, HTTP_REQUEST_FIELDS));
  const url = readUrl(payload, problems);
  const method = readMethod(payload, problems);
  const headers = readHeaders(payload, problems);
  const expectStatus = readExpectStatus(payload, problems);
  const body = readBody(payload);
  if (body !== null && (method === "GET" || method === "HEAD"))
    problems.add(pointer("body"), `is not sent with ${method}; use another method`);
  if (problems.list.length > 0 || url === undefined || method === undefined)
    return { ok: false, errors: problems.list };
  const contentType = headers["content-type"] ?? body?.contentType;
  const allHeaders = contentType === undefined ? headers : { ...headers, "content-type": contentType };
  return { ok: true, value: { url, method, headers: allHeaders, body: body?.text ?? null, expectStatus } };
}

export function checkHttpRequest(payload: Json): readonly FieldProblem[] {
  const parsed = parseHttpRequest(payload);
  return parsed.ok ? [] : parsed.errors;
}

function readUrl(payload: JsonObject, problems: Problems): string | undefined {
  const given = payload.url;
  const path = pointer("url");
  if (typeof given !== "string" || given === "")
    return problems.add(path, "is required: an http or https URL");
  if (given.length > HTTP_URL_CHARS_MAX)
    return problems.add(path, `must be at most ${HTTP_URL_CHARS_MAX} characters`);
  const url = URL.parse(given);
  if (url === null) return problems.add(path, "is not a URL");
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return problems.add(path, "must start with http:// or https://");
  // A URL is shown, logged and kept; a password in it would be too.
  if (url.username !== "" || url.password !== "")
    return problems.add(path, "must not carry a user name or password; use the authorization header");
  url.hash = "";
  return url.href;
}

function readMethod(payload: JsonObject, problems: Problems): HttpMethod | undefined {
  const hasBody = (payload.body ?? null) !== null;
  const given = payload.method ?? (hasBody ? "POST" : "GET");
  const method = HTTP_METHODS.find((known) => typeof given === "string" && known === given.toUpperCase());
  return method ?? problems.add(pointer("method"), `must be one of ${HTTP_METHODS.join(", ")}`);
}

/** Text goes as it is, any other JSON value as JSON; null is no body. */
function readBody(payload: JsonObject): { text: string; contentType: string } | null {
  const given = payload.body ?? null;
  if (given === null) return null;
  if (typeof given === "string") return { text: given, contentType: "text/plain; charset=utf-8" };
  return { text: JSON.stringify(given), contentType: "application/json" };
}
