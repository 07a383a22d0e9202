import { connect } from "node:net";
import { scratch } from "./scratch.ts";

/** A request that has begun and goes no further: no connection ends, and nobody says so. */
export interface HalfOpen {
  send(bytes: Uint8Array): void;
  /** What was answered so far. */
  readonly received: string;
  /** Resolves with the status of the answer. */
  readonly status: Promise<number>;
  destroy(): void;
}

export async function openRequest(
  port: number,
  request: { readonly line: string; readonly headers: Readonly<Record<string, string>> },
): Promise<HalfOpen> {
  const socket = connect(port, "127.0.0.1");
  const answered = Promise.withResolvers<number>();
  answered.promise.catch(() => {}); // Whoever asks for it hears of it.
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    const status = /^HTTP\/1\.1 (\d+)/.exec(received)?.[1];
    if (status !== undefined) answered.resolve(Number(status));
  });
  socket.on("error", () => {}); // Followed by close.
  socket.on("close", () => answered.reject(new Error("the connection ended without an answer")));
  (await scratch()).atEnd(async () => void socket.destroy());
  const head = [
    request.line,
    "Host: localhost",
    ...Object.entries(request.headers).map((each) => each.join(": ")),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  return {
    send: (bytes) => void socket.write(bytes),
    get received() {
      return received;
    },
    status: answered.promise,
    destroy: () => socket.destroy(),
  };
}
