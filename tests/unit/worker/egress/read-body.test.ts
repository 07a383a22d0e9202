import { afterAll, describe, expect, test } from "bun:test";
import { type IncomingMessage, request } from "node:http";
import { createServer, type Server } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type BodyResult, readBody } from "@millrace/worker/egress/read-body";

const never = new AbortController().signal;
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** The response to a GET, from a server that writes these bytes and, when `isCut`, closes the connection. */
async function responseOf(bytes: (string | Buffer)[], isCut = false): Promise<IncomingMessage> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      for (const part of bytes) socket.write(part);
      if (isCut) socket.end();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port: address.port, agent: false }, resolve).on("error", reject).end();
  });
}

function head(headers: Record<string, string | number>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 200 OK\r\n${lines.join("")}\r\n`;
}

function coded(coding: string, body: Buffer): (string | Buffer)[] {
  return [head({ "content-encoding": coding, "content-length": body.length }), body];
}

function textOf(result: BodyResult): string {
  return result.kind === "body" ? `${result.bytes}${result.isTruncated ? " (cut)" : ""}` : result.problem;
}

async function read(bytes: (string | Buffer)[], isCut = false, bytesMax = 100): Promise<string> {
  return textOf(await readBody(await responseOf(bytes, isCut), bytesMax, never));
}

describe("reads to the end", () => {
  test("a body of declared length", async () =>
    expect(await read([head({ "content-length": 2 }), "ok"])).toBe("ok"));
  test("a body in chunks", async () =>
    expect(await read([head({ "transfer-encoding": "chunked" }), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"])).toBe(
      "abc",
    ));
  test("a body that ends with its connection", async () =>
    expect(await read(["HTTP/1.0 200 OK\r\n\r\n", "old"], true)).toBe("old"));
  test("no body", async () => expect(await read([head({ "content-length": 0 })])).toBe(""));
  test("no body that claims a coding", async () =>
    expect(await read([head({ "content-length": 0, "content-encoding": "gzip" })])).toBe(""));
  test("a body that claims no coding by name", async () =>
    expect(await read(coded("Identity", Buffer.from("plain")))).toBe("plain"));
});

describe("decodes", () => {
  const text = Buffer.from("hello");
  for (const [coding, body] of [
    ["gzip", gzipSync(text)],
    ["X-GZip", gzipSync(text)],
    ["br", brotliCompressSync(text)],
  ] as const) {
    test(coding, async () => expect(await read(coded(coding, body))).toBe("hello"));
    test(`${coding} that was cut short is corrupt`, async () =>
      expect(await read(coded(coding, body.subarray(0, body.length - 3)))).toBe("corrupt"));
  }
  for (const coding of ["deflate", "zstd", "gzip, gzip", "compress", "__proto__", "constructor"])
    test(`not ${coding}`, async () =>
      expect(await read(coded(coding, gzipSync(text)))).toBe("unknown_coding"));
});

describe("stops at the bound, decoded bytes counted", () => {
  test("in a plain body", async () =>
    expect(await read([head({ "content-length": 9 }), "123456789"], false, 8)).toBe("12345678 (cut)"));
  test("not at the bound itself", async () =>
    expect(await read([head({ "content-length": 8 }), "12345678"], false, 8)).toBe("12345678"));
  for (const [coding, compress] of [
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ] as const)
    test(`in a ${coding} bomb of 64 MB, without unpacking it`, async () => {
      const bomb = compress(Buffer.alloc(64 * 1024 * 1024, "0"));
      const response = await responseOf(coded(coding, bomb));
      Bun.gc(true);
      const beforeBytes = process.memoryUsage().rss;
      expect(textOf(await readBody(response, 8, never))).toBe("00000000 (cut)");
      expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(16 * 1024 * 1024);
      expect(response.destroyed).toBe(true);
    });
});

test("a body that is cut in the middle is cut, declared or chunked", async () => {
  expect(await read([head({ "content-length": 9 }), "12345"], true)).toBe("cut");
  expect(await read([head({ "transfer-encoding": "chunked" }), "2\r\nab\r\n"], true)).toBe("cut");
});

test("abort ends the wait for the rest at once, and closes the connection", async () => {
  const response = await responseOf([head({ "content-length": 9 }), "12345"]);
  const controller = new AbortController();
  const reason = new Error("time is up");
  const reading = readBody(response, 100, controller.signal);
  controller.abort(reason);
  await expect(reading).rejects.toBe(reason);
  expect(response.destroyed).toBe(true);
  await expect(readBody(response, 100, controller.signal)).rejects.toBe(reason);
});
