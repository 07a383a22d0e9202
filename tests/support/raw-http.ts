/**
 * Sends bytes as they are and collects what comes back: for requests that no client would make.
 * Ends when `until` holds, by default after the head and the declared body of one response, or when the server closes.
 */
export function exchange(
  port: number,
  request: string,
  until: (received: string) => boolean = (received) => isComplete(received, request.startsWith("HEAD ")),
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const deadline = setTimeout(() => reject(new Error(`no answer within 5 s; so far: ${received}`)), 5_000);
  const bytes = Buffer.from(request, "latin1");
  let received = "";
  let sent = 0;
  const pump = (socket: { write(data: Uint8Array): number }) => {
    while (sent < bytes.length) {
      const written = socket.write(bytes.subarray(sent));
      if (written <= 0) return;
      sent += written;
    }
  };
  const end = () => {
    clearTimeout(deadline);
    resolve(received);
  };
  Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: pump,
      drain: pump,
      data: (socket, chunk) => {
        received += chunk.toString("latin1");
        if (!until(received)) return;
        socket.end();
        end();
      },
      close: end,
      error: (_, error) => reject(error),
    },
  }).catch(reject);
  return promise;
}

function isComplete(received: string, isBodyless: boolean): boolean {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd === -1) return false;
  const length = isBodyless ? 0 : Number(/^content-length: (\d+)/im.exec(received)?.[1] ?? 0);
  return received.length >= headEnd + 4 + length;
}
