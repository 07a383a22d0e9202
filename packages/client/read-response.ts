import { RESPONSE_BYTES_MAX } from "./bounds.ts";
import { ApiError, type ApiErrorFields } from "./errors.ts";
import { isObject } from "./shapes.ts";
import type { FieldProblem } from "./types.ts";

/** Of an answer that is not the API's: enough to recognize the proxy or the other server that gave it. */
const EXCERPT_CHARS_MAX = 200;

/** The body as text. Rejects when it is longer than any answer of the API can be. */
export async function readText(response: Response, bytesMax = RESPONSE_BYTES_MAX): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    // Leaving the loop cancels the stream.
    if (bytes > bytesMax) throw new Error(`the answer is longer than ${bytesMax} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** A 2xx answer. @throws ApiError when it is not JSON: something else than the API answers there. */
export function parseAnswer(response: Response, text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    const detail = `the answer is not JSON; is this the base URL of the API? It begins: ${excerpt(text)}`;
    throw new ApiError({ status: response.status, code: "UNEXPECTED_RESPONSE", detail });
  }
}

/** What any other answer says. Never throws: whatever is missing is filled in from the status. */
export function problemOf(response: Response, text: string): ApiErrorFields {
  const { status } = response;
  const body = parseLeniently(text);
  const correlationId = response.headers.get("x-correlation-id");
  if (!isObject(body) || typeof body.code !== "string") {
    const code = `HTTP_${status}`;
    return { status, code, detail: foreignDetail(response, text), errors: [], correlationId };
  }
  return {
    status,
    code: body.code,
    detail: String(body.detail ?? body.title ?? ""),
    errors: fieldProblems(body.errors),
    correlationId: typeof body.correlation_id === "string" ? body.correlation_id : correlationId,
    problem: body,
  };
}

function foreignDetail(response: Response, text: string): string {
  const location = response.headers.get("location");
  if (location !== null) return `the server redirects to ${location}; use that as the base URL`;
  return text === "" ? `the server answered ${response.status}` : excerpt(text);
}

function fieldProblems(errors: unknown): readonly FieldProblem[] {
  if (!Array.isArray(errors)) return [];
  return errors
    .filter(isObject)
    .map(({ path, message }) => ({ path: String(path ?? ""), message: String(message ?? "") }));
}

function parseLeniently(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.slice(0, EXCERPT_CHARS_MAX).toWellFormed().replace(/\s+/g, " ").trim();
}
