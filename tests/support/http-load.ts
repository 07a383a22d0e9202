import type { Socket } from "bun";

export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Requests in all. */
  readonly requests: number;
  /** The n-th request's body; bytes are sent without a copy of ours. */
  readonly body: (n: number) => string | Uint8Array;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A steady pace for all connections together; as fast as they are answered when absent. */
  readonly requestsPerSecond?: number;
}

export interface LoadReport {
  readonly requestsPerSecond: number;
  readonly statuses: ReadonlyMap<number, number>;
  /** Milliseconds, sorted. */
  readonly latenciesMs: Float64Array;
}

interface Lane {
  sentAt: number;
  /** Bytes of the response that is coming in, until its end is known. */
  text: string;
  /** Of the request: what the socket has not taken yet. */
  unsent: Uint8Array;
}

/**
 * HTTP/1.1 over raw sockets, one request at a time on each connection: a client that costs the machine as little as it
 * can, since it shares the cores with what it measures (a `fetch` costs four times as much as this).
 */
export async function runLoad(load: Load): Promise<LoadReport> {
  const { hostname, port } = new URL(load.url);
  const head = requestHead(load, `${hostname}:${port}`);
  const latenciesMs = new Float64Array(load.requests);
  const statuses = new Map<number, number>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let sent = 0;
  let done = 0;

  const next = (socket: Socket<Lane>): void => {
    if (sent >= load.requests) return;
    const n = sent++;
    const dueMs = (n * 1_000) / (load.requestsPerSecond ?? Number.POSITIVE_INFINITY);
    const waitMs = startedAt + dueMs - performance.now();
    if (waitMs > 0) setTimeout(() => send(socket, n), waitMs);
    else send(socket, n);
  };
  const send = (socket: Socket<Lane>, n: number): void => {
    const body = load.body(n);
    socket.data.sentAt = performance.now();
    socket.data.text = "";
    const start = `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    if (typeof body === "string") socket.data.unsent = Buffer.from(start + body);
    else {
      socket.write(start); // Short enough for any socket's buffer, which is empty.
      socket.data.unsent = body;
    }
    push(socket);
  };
  const push = (socket: Socket<Lane>): void => {
    const { unsent } = socket.data;
    if (unsent.length > 0) socket.data.unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  };
  const onResponse = (socket: Socket<Lane>, status: number): void => {
    latenciesMs[done++] = performance.now() - socket.data.sentAt;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (done === load.requests) resolve();
    else next(socket);
  };

  const startedAt = performance.now();
  const sockets = await Promise.all(
    Array.from({ length: load.connections }, () =>
      Bun.connect<Lane>({
        hostname,
        port: Number(port),
        data: { sentAt: 0, text: "", unsent: NOTHING },
        socket: {
          open: next,
          drain: push,
          data: (socket, chunk) => {
            socket.data.text += chunk.toString("latin1");
            const status = completeStatus(socket.data.text);
            if (status !== undefined) onResponse(socket, status);
          },
          close: () => {
            if (done < load.requests) reject(new Error("the server closed a connection"));
          },
          error: (_, error) => reject(error),
        },
      }),
    ),
  );
  await promise;
  const seconds = (performance.now() - startedAt) / 1000;
  for (const socket of sockets) socket.end();
  return { requestsPerSecond: load.requests / seconds, statuses, latenciesMs: latenciesMs.sort() };
}

function requestHead(load: Load, host: string): string {
  const all = { "Content-Type": "application/json", ...load.headers };
  const headers = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${load.path} HTTP/1.1\r\nHost: ${host}\r\n${headers.join("")}`;
}

const NOTHING = new Uint8Array();

const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

/** The status, once the whole response is there. */
function completeStatus(text: string): number | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  if (text.startsWith("204", 9)) return 204; // Has no body, and need not say so.
  const length = LENGTH.exec(text);
  if (length === null) throw new Error("a response without Content-Length");
  return text.length >= headEnd + 4 + Number(length[1]) ? Number(text.slice(9, 12)) : undefined;
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
