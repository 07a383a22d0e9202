/**
 * Uploads at the pace of a line, smoothly, as a network would bring them: curl's own limit lets a second's bytes go at
 * once. Arguments: the URL of the api, bytes per second of each sender, the file, and a token for each sender.
 */
import { connect } from "node:net";

const [url = "", rate = "", path = "", ...tokens] = process.argv.slice(2);
const PIECE = 64 * 1024;
const BOUNDARY = "bench-boundary";
const { hostname, port } = new URL(url);
const content = Buffer.from(await Bun.file(path).arrayBuffer());
const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="operation"\r\n\r\nuppercase\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="bench.txt"\r\nContent-Type: text/plain\r\n\r\n`;
const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);

function send(token: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(Number(port), hostname);
  socket.on("error", reject);
  socket.on("data", (answer) => {
    socket.end();
    if (answer.toString().startsWith("HTTP/1.1 20")) resolve();
    else reject(new Error(answer.toString().slice(0, 300)));
  });
  socket.write(
    `POST /api/files HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: ${body.byteLength}\r\n\r\n`,
  );
  const startedMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(body.byteLength, (Number(rate) * (performance.now() - startedMs)) / 1_000);
    for (; sent < due && socket.writableLength < PIECE; sent += PIECE)
      socket.write(body.subarray(sent, sent + PIECE));
    if (sent >= body.byteLength) clearInterval(timer);
  }, 4);
  return promise;
}

await Promise.all(tokens.map(send));
process.exit(0);
