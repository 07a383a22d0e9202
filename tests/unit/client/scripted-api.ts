import { type Client, type ClientOptions, createClient, type Task } from "@millrace/client";

/** What a call is answered with, or the error that the connection breaks with. */
export type Scripted = Answer | Error;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** Parsed JSON, or the text of another type; undefined without a body. */
  readonly body: unknown;
}

export interface ScriptedApi {
  readonly client: Client;
  readonly calls: readonly SeenCall[];
  /** The waits that the client asked for, in ms; none of them takes any time. */
  readonly waits: readonly number[];
}

const START_MS = Date.UTC(2026, 0, 15, 12);

/** A client whose calls are answered from a list, whose clock moves only when it sleeps, and whose dice show 1. */
export function scripted(answers: readonly Scripted[], options: Partial<ClientOptions> = {}): ScriptedApi {
  const calls: SeenCall[] = [];
  const waits: number[] = [];
  const left = [...answers];
  let nowMs = START_MS;
  const client = createClient({
    baseUrl: "http://api.test",
    apiKey: "key-of-a-test",
    random: () => 1,
    clock: {
      nowMs: () => nowMs,
      sleep: async (delayMs, signal) => {
        // Lets timers run, so that a time-out of the test's own can end an endless wait.
        await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
        waits.push(delayMs);
        nowMs += delayMs;
      },
    },
    fetch: async (url, init) => {
      const request = new Request(url, init);
      const { pathname, search } = new URL(url);
      const body = bodyOf(request.headers, new Uint8Array(await request.arrayBuffer()));
      calls.push({ method: request.method, path: pathname + search, headers: request.headers, body });
      const answer = left.length > 1 ? left.shift() : left[0];
      if (answer === undefined) throw new Error("the script has no answer for this call");
      if (answer instanceof Error) throw answer;
      const { status, headers } = answer;
      return new Response(answer.text === "" ? null : answer.text, { status, headers });
    },
    ...options,
  });
  return { client, calls, waits };
}

function bodyOf(headers: Headers, bytes: Uint8Array<ArrayBuffer>): unknown {
  const isPacked = headers.get("content-encoding") === "gzip";
  const text = new TextDecoder().decode(isPacked ? Bun.gunzipSync(bytes) : bytes);
  if (text === "") return undefined;
  return headers.get("content-type") === "application/json" ? JSON.parse(text) : text;
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, text: JSON.stringify(body), headers };
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const body = { type: `/problems#${code}`, title: code, status, code, detail: "no", correlation_id: "c-1" };
  return json(status, body, { "content-type": "application/problem+json", ...headers });
}

/** As Bun's fetch fails: the code says how far it got. */
export function broken(code: string): Error {
  return Object.assign(new TypeError(`${code}: no connection`), { code });
}

export function task(fields: Partial<Task> = {}): Task {
  return {
    task_id: "t-1",
    task_type: "simulate",
    status: "pending",
    phase: "queued",
    priority: 5,
    lane: "short",
    payload: {},
    timeout: 30,
    backoff: {},
    tenant: null,
    dedup: null,
    debounce: null,
    run_at: null,
    correlation_id: "c-1",
    worker_id: null,
    attempts: 0,
    max_attempts: 3,
    dependencies: [],
    on_parent_failure: "fail",
    expires_at: null,
    progress: null,
    created_at: "2026-01-15T12:00:00.000Z",
    started_at: null,
    completed_at: null,
    next_attempt_at: null,
    result: null,
    error: null,
    ...fields,
  };
}
