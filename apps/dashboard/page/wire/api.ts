import { readProblem, unreachable } from "./problem.ts";
import { accessToken, dropAccessToken } from "./session.ts";

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls the API as the one who is signed in. Rejects with an ApiFailure, or with an AbortError of the caller's own. */
export async function callApi(path: string, call: Call = {}): Promise<Response> {
  const token = await accessToken();
  const response = await send(path, call, token);
  if (response.status !== 401) return response.ok ? response : refuse(response);
  dropAccessToken(token); // It was revoked, or the clock here is wrong: once more with a new one.
  const second = await send(path, call, await accessToken());
  return second.ok ? second : refuse(second);
}

/** The answer's JSON. Its shape is the API's promise; see /docs. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await (await callApi(path, { signal })).json();
}

export async function sendJson<T>(method: "POST" | "PUT" | "PATCH", path: string, body: unknown): Promise<T> {
  return await (await callApi(path, { method, body })).json();
}

async function refuse(response: Response): Promise<never> {
  throw await readProblem(response);
}

async function send(
  path: string,
  { method = "GET", body, signal, headers = {} }: Call,
  token: string,
): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

/** `?a=1&b=2` of what is set; empty when nothing is. */
export function queryOf(fields: Readonly<Record<string, string | number | null | undefined>>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== null && value !== "") words.set(name, String(value));
  const text = words.toString();
  return text === "" ? "" : `?${text}`;
}
