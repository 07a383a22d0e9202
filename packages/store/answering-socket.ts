import { connect, type Socket } from "node:net";

/** Where the client library wants to connect to: several hosts are tried in turn. */
export interface ServerAddress {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** Of a socket file. */
  readonly path?: string | false | undefined;
  readonly ssl?: unknown;
}

const LOOK_EVERY_MS = 1_000;
/** ReadyForQuery, with which the server ends each answer: 'Z', the length 5, and a byte for the transaction's state. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5]);
const READY_BYTES = READY.length + 1;

/**
 * Opens sockets that break when the server owes an answer for longer than `silenceMsMax`. A server that crashes closes
 * its connections; one whose machine or network vanishes does not, and TCP by itself waits a quarter of an hour.
 *
 * The server must promise (`statement_timeout`) to answer sooner. What is encrypted cannot be read here, so connections
 * with TLS are left to TCP.
 */
export function answeringSockets(silenceMsMax: number): (address: ServerAddress) => Socket {
  let turn = 0;
  return ({ host, port, path, ssl }) => {
    if (typeof path === "string" && path !== "") return connect(path);
    const index = turn % host.length;
    turn += 1;
    const at = { host: host[index] ?? "localhost", port: port[index] ?? 5432 };
    // The library asks the socket for its host, to name it in errors and in TLS.
    const socket = Object.assign(connect(at), at);
    if (ssl === undefined || ssl === false) breakWhenSilent(socket, silenceMsMax);
    return socket;
  };
}

function breakWhenSilent(socket: Socket, silenceMsMax: number): void {
  let answeredBytes = 0;
  let owedSinceMs: number | undefined;
  socket.on("data", (chunk: Buffer) => {
    answeredBytes = socket.bytesWritten;
    owedSinceMs = endsReady(chunk) ? undefined : performance.now();
  });
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer);
    const nowMs = performance.now();
    if (owedSinceMs === undefined && socket.bytesWritten > answeredBytes) owedSinceMs = nowMs;
    else if (owedSinceMs !== undefined && nowMs - owedSinceMs > silenceMsMax) socket.destroy();
  }, LOOK_EVERY_MS);
  timer.unref();
  socket.once("close", () => clearInterval(timer));
}

function endsReady(chunk: Buffer): boolean {
  const from = chunk.length - READY_BYTES;
  return from >= 0 && chunk.subarray(from, chunk.length - 1).equals(READY);
}
