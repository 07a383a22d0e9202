import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createGzip, gzipSync } from "node:zlib";
import { simulatedFailure } from "@millrace/core/simulate";

/**
 * The external API of the tests: a real server on 127.0.0.1 that counts calls by Idempotency-Key and misbehaves as told.
 * What it does comes from the query of the call (so that a task in another process can say it), or from `behave(key)`:
 *
 *   ?status=503,503,200   the n-th call of a key gets the n-th status, later ones the last
 *   &retry_after=2        the Retry-After header of answers that are not 2xx
 *   &fail_rate=0.3&seed=7 fails with 503 as the failure simulator would (seed, key, n-th call)
 *   &delay_ms=50          waits before it answers
 *   &mode=…               see MODES
 *   &location=…           of redirects (with status=302, …), and hops=n: n redirects to itself, then 200
 *   &bytes=n              of huge bodies
 *
 * GET /__calls answers {calls, successes} by key; POST /__reset forgets them.
 * As a process of its own: `bun tests/support/fake-external-api.ts [port]` prints its URL.
 */
export const MODES = [
  "echo", // 200 (or the status) and JSON: method, path, headers and body as they arrived
  "hang", // takes the request, never answers
  "hang_body", // answers the head and a few bytes, then nothing
  "drip", // a byte each 20 ms, for ever
  "cut", // closes the connection before the answer
  "cut_body", // closes it in the middle of the body
  "huge", // `bytes` bytes of text, length declared
  "endless", // a chunked body that does not end
  "gzip", // a small gzip-coded JSON body
  "gzip_bomb", // `bytes` bytes of zeros, gzip-coded
  "corrupt_gzip",
  "unknown_coding",
  "set_cookie",
] as const;
export type Mode = (typeof MODES)[number];

export interface SeenRequest {
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FakeExternalApi {
  readonly url: string;
  readonly port: number;
  /** Calls that arrived, by Idempotency-Key ("" without one). */
  readonly calls: ReadonlyMap<string, number>;
  /** Of these, the ones that were answered with 2xx. */
  readonly successes: ReadonlyMap<string, number>;
  /** The last REQUESTS_KEPT_MAX requests, oldest first. */
  readonly requests: readonly SeenRequest[];
  /** TCP connections that were opened. */
  connections(): number;
  /** The query that calls of this key use instead of their own, from now on. */
  behave(key: string, query: string): void;
  /** Resolves once a call of the key has arrived; rejects after the deadline. */
  waitForCall(key: string, deadlineMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const REQUESTS_KEPT_MAX = 1_000;
const CHUNK = Buffer.alloc(16 * 1024, "x");

interface State {
  readonly calls: Map<string, number>;
  readonly successes: Map<string, number>;
  readonly requests: SeenRequest[];
  readonly behaviours: Map<string, URLSearchParams>;
  readonly waiting: Map<string, (() => void)[]>;
}

interface Call {
  readonly seen: SeenRequest;
  /** The how-manieth call of its key, from 1. */
  readonly count: number;
  readonly query: URLSearchParams;
  readonly url: URL;
}

export async function startFakeExternalApi(
  options: { host?: string; port?: number } = {},
): Promise<FakeExternalApi> {
  const host = options.host ?? "127.0.0.1";
  const state: State = {
    calls: new Map(),
    successes: new Map(),
    requests: [],
    behaviours: new Map(),
    waiting: new Map(),
  };
  let connections = 0;
  const server = createServer((request, response) => {
    serve(state, request, response).catch(() => response.destroy());
  });
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return {
    url: `http://${host}:${port}`,
    port,
    calls: state.calls,
    successes: state.successes,
    requests: state.requests,
    connections: () => connections,
    behave: (key, query) => void state.behaviours.set(key, new URLSearchParams(query)),
    waitForCall: (key, deadlineMs = 5_000) => waitForCall(state, key, deadlineMs),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fake.test");
  const body = await text(request);
  if (url.pathname === "/__calls") {
    const counts = { calls: Object.fromEntries(state.calls), successes: Object.fromEntries(state.successes) };
    return sendJson(response, 200, counts);
  }
  if (url.pathname === "/__reset") {
    for (const counts of [state.calls, state.successes]) counts.clear();
    return sendJson(response, 200, {});
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  const key = headers["idempotency-key"] ?? "";
  const seen = { key, method: request.method ?? "", path: url.pathname + url.search, headers, body };
  state.requests.push(seen);
  if (state.requests.length > REQUESTS_KEPT_MAX) state.requests.shift();
  const count = (state.calls.get(key) ?? 0) + 1;
  state.calls.set(key, count);
  for (const wake of state.waiting.get(key)?.splice(0) ?? []) wake();
  response.once("finish", () => {
    const isSuccess = response.statusCode >= 200 && response.statusCode <= 299;
    if (isSuccess) state.successes.set(key, (state.successes.get(key) ?? 0) + 1);
  });
  const query = state.behaviours.get(key) ?? url.searchParams;
  await answer({ seen, count, query, url }, response);
}

async function answer(call: Call, response: ServerResponse): Promise<void> {
  const { query, seen, count } = call;
  const delayMs = Number(query.get("delay_ms") ?? 0);
  if (delayMs > 0) await delay(delayMs);
  const status = statusOf(call);
  const retryAfter = query.get("retry_after");
  if (retryAfter !== null && (status < 200 || status > 299)) response.setHeader("retry-after", retryAfter);
  const location = locationOf(call);
  if (location !== null && status >= 300 && status <= 399)
    return void response.writeHead(status, { location, "content-length": "0" }).end();
  const mode = query.get("mode") ?? "echo";
  if (!MODES.some((known) => known === mode)) return sendJson(response, 400, { error: `no mode ${mode}` });
  if (mode !== "echo") return misbehave(mode as Mode, call, response); // One of MODES, as was just checked.
  const { key, method, path, headers, body } = seen;
  sendJson(response, status, { key, method, path, headers, body, call: count });
}

function statusOf({ query, count, seen }: Call): number {
  const hops = Number(query.get("hops") ?? 0);
  if (hops > 0) return 302;
  const failureRate = Number(query.get("fail_rate") ?? 0);
  const seed = query.get("seed") ?? seen.key;
  if (simulatedFailure({ seed, taskId: seen.key, attempt: count, failureRate })) return 503;
  const statuses = (query.get("status") ?? "200").split(",").map(Number);
  return statuses[Math.min(count, statuses.length) - 1] ?? 200;
}

function locationOf({ query, url }: Call): string | null {
  const hops = Number(query.get("hops") ?? 0);
  return hops > 0 ? `${url.pathname}?hops=${hops - 1}` : query.get("location");
}

async function misbehave(mode: Mode, call: Call, response: ServerResponse): Promise<void> {
  const bytes = Number(call.query.get("bytes") ?? 1_000_000);
  const status = statusOf(call);
  switch (mode) {
    case "hang":
      return;
    case "hang_body":
      response.writeHead(status, { "content-length": "100" });
      return void response.write("begun");
    case "drip":
      return drip(response.writeHead(status));
    case "cut":
      return void response.socket?.destroy();
    case "cut_body":
      response.writeHead(status, { "content-length": "100" });
      response.write("begun");
      await delay(20);
      return void response.socket?.destroy();
    case "huge":
      response.writeHead(status, { "content-type": "text/plain", "content-length": String(bytes) });
      return pour(response, bytes);
    case "endless":
      return pour(response.writeHead(status), Number.POSITIVE_INFINITY);
    case "gzip":
      response.writeHead(status, { "content-type": "application/json", "content-encoding": "gzip" });
      return void response.end(gzipSync('{"packed":true}'));
    case "gzip_bomb":
      return bomb(response.writeHead(status, { "content-encoding": "gzip" }), bytes);
    case "corrupt_gzip":
      response.writeHead(status, { "content-encoding": "gzip" });
      return void response.end("this is not gzip");
    case "unknown_coding":
      response.writeHead(status, { "content-encoding": "rot13" });
      return void response.end("uryyb");
    case "set_cookie":
      response.writeHead(status, { "set-cookie": ["session=secret"], "x-kept": "yes" });
      return void response.end("ok");
    case "echo":
      throw new Error("echo is no misbehaviour");
  }
}

/** Writes as fast as the client reads, and no faster. */
async function pour(response: ServerResponse, bytes: number): Promise<void> {
  for (let left = bytes; left > 0 && !response.destroyed; left -= CHUNK.length) {
    const isRoomLeft = response.write(left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left));
    if (!isRoomLeft || !Number.isFinite(bytes)) await delay(1);
    while (response.writableNeedDrain && !response.destroyed) await delay(1);
  }
  response.end();
}

async function drip(response: ServerResponse): Promise<void> {
  while (!response.destroyed) {
    response.write("x");
    await delay(20);
  }
}

async function bomb(response: ServerResponse, bytes: number): Promise<void> {
  const gzip = createGzip();
  gzip.pipe(response);
  const zeros = Buffer.alloc(1_000_000, "0");
  for (let left = bytes; left > 0 && !response.destroyed; left -= zeros.length) {
    gzip.write(zeros);
    while (gzip.writableNeedDrain && !response.destroyed) await delay(1);
  }
  gzip.end();
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (status === 204 || status === 304) return void response.writeHead(status).end();
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function waitForCall(state: State, key: string, deadlineMs: number): Promise<void> {
  if (state.calls.has(key)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no call of ${key} within ${deadlineMs} ms`)),
      deadlineMs,
    );
    const wakers = state.waiting.get(key) ?? [];
    state.waiting.set(key, wakers);
    wakers.push(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

if (import.meta.main) {
  const api = await startFakeExternalApi({ port: Number(process.argv[2] ?? 0) });
  process.stdout.write(`${api.url}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void api.stop().then(() => process.exit(0)));
}
