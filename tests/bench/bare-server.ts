/**
 * What an upload is compared with: a server that does nothing else. `plain` is the shortest one that Bun allows, and
 * leaves the bytes in memory; `nothing` only takes them; `durable` hashes and syncs them, as a server must that promises to
 * keep them.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";

const [folder = "."] = process.argv.slice(2);
let files = 0;

async function keep(path: string, body: ReadableStream<Uint8Array>): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const file = await open(path, "w");
  try {
    for await (const chunk of body) {
      hasher.update(chunk);
      await file.write(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hasher.digest("hex");
}

async function drop(body: ReadableStream<Uint8Array>): Promise<string> {
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.byteLength;
  return String(bytes);
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  maxRequestBodySize: 1024 ** 3,
  fetch: async ({ url, body }) => {
    files += 1;
    const path = join(folder, `${files % 4}.bin`);
    if (body === null) return new Response(null, { status: 400 });
    const { pathname } = new URL(url);
    if (pathname === "/nothing") return new Response(await drop(body));
    if (pathname === "/durable") return new Response(await keep(path, body));
    await Bun.write(path, new Response(body));
    return new Response("kept");
  },
});
process.stdout.write(`${server.url.origin}\n`);
