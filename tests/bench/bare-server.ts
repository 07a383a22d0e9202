/**
 * What an upload is compared with: a server that does nothing else. `plain` is the shortest one that Bun allows, and
 * leaves the bytes in memory; `nothing` only takes them; `durable` hashes and syncs them, as a server must that promises to
 * keep them.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";

const [folder = "."] = process.argv.slice(2);
/** Written over and over, by a client that sends one body after the other. */
const FILES = 4;
const inUse = new Set<number>();
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

function takeFile(): number {
  files += 1;
  let file = files % FILES;
  while (inUse.has(file)) file += FILES;
  inUse.add(file);
  return file;
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  maxRequestBodySize: 1024 ** 3,
  fetch: async ({ url, body }) => {
    if (body === null) return new Response(null, { status: 400 });
    const { pathname } = new URL(url);
    if (pathname === "/nothing") return new Response(await drop(body));
    const file = takeFile();
    try {
      const path = join(folder, `${file}.bin`);
      if (pathname === "/durable") return new Response(await keep(path, body));
      await Bun.write(path, new Response(body));
      return new Response("kept");
    } finally {
      inUse.delete(file);
    }
  },
});
process.stdout.write(`${server.url.origin}\n`);
