import type { Socket } from "bun";

export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Requests in all. */
  readonly requests: number;
  /** The n-th request's body. */
  readonly body: (n: number) => string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
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
    const body = load.body(sent++);
    socket.data.sentAt = performance.now();
    socket.data.text = "";
    socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
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
        data: { sentAt: 0, text: "" },
        socket: {
          open: next,
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
  const headers = Object.entries(load.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${load.path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${headers.join("")}`;
}

const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

/** The status, once the whole response is there. */
function completeStatus(text: string): number | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const length = LENGTH.exec(text);
  if (length === null) throw new Error("a response without Content-Length");
  return text.length >= headEnd + 4 + Number(length[1]) ? Number(text.slice(9, 12)) : undefined;
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
