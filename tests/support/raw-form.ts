import net from "node:net";

/** A form's parts as they are, for what `FormData` would never send. */
export interface RawPart {
  /** After `form-data; `. */
  readonly disposition: string;
  readonly type?: string;
  readonly content: string;
}

const BOUNDARY = "----millrace-test-7d2f";
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

export function rawForm(parts: readonly RawPart[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const blocks = parts.map(
    ({ disposition, type, content }) =>
      `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n${type === undefined ? "" : `Content-Type: ${type}\r\n`}\r\n${content}\r\n`,
  );
  return Buffer.from(blocks.join("") + end);
}

export const filePart = (content: string, filename = "a.txt"): RawPart => ({
  disposition: `name="file"; filename="${filename}"`,
  content,
});
export const fieldPart = (name: string, content: string): RawPart => ({
  disposition: `name="${name}"`,
  content,
});

/** A socket that a test writes to by hand. */
export interface RawSocket {
  /** Resolves when the other side has taken it. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** All that came so far. */
  received(): string;
  /** Resolves with the status once a response has begun, and with 0 when the connection ends without one. */
  readonly status: Promise<number>;
  /** Without a goodbye. */
  destroy(): void;
}

export async function rawSocket(port: number): Promise<RawSocket> {
  const socket = net.connect(port, "127.0.0.1");
  const { promise: status, resolve } = Promise.withResolvers<number>();
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    const match = /^HTTP\/1\.1 (\d+) /.exec(received);
    if (match !== null) resolve(Number(match[1]));
  });
  socket.on("error", () => resolve(0));
  socket.on("close", () => resolve(0));
  await new Promise<void>((connected, failed) => {
    socket.once("connect", connected);
    socket.once("error", failed);
  });
  return {
    write: (bytes) =>
      new Promise((done, failed) => socket.write(bytes, (error) => (error == null ? done() : failed(error)))),
    received: () => received,
    status,
    destroy: () => void socket.destroy(),
  };
}

/** The head of a request for an upload. */
export function uploadHead(token: string, headers: readonly string[]): string {
  return [
    "POST /api/files HTTP/1.1",
    "Host: test",
    `Authorization: Bearer ${token}`,
    `Content-Type: ${FORM_TYPE}`,
    ...headers,
    "",
    "",
  ].join("\r\n");
}
