import { afterAll, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type OutgoingRequest, PinnedClient, type SendResult } from "@millrace/worker/egress/pinned-client";
import type { Target } from "@millrace/worker/egress/target";
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from "../../../support/tls-identity.ts";

const never = new AbortController().signal;
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

interface Seen {
  readonly port: number;
  connections: number;
  readonly heads: string[];
  readonly names: (string | false | null)[];
}

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** A raw server: `answer` gets the how-manieth request of the connection. Nothing between the test and the bytes. */
async function listen(
  answer: (socket: Socket, request: number) => void,
  options: { host?: string; port?: number; isTls?: boolean } = {},
): Promise<Seen> {
  const heads: string[] = [];
  const seen = { port: 0, connections: 0, heads, names: [] as (string | false | null)[] };
  const onConnection = (socket: Socket & { servername?: string | false | null }) => {
    seen.connections += 1;
    seen.names.push(socket.servername ?? null);
    let requests = 0;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      heads.push(bytes.toString());
      requests += 1;
      answer(socket, requests);
    });
  };
  const server = options.isTls
    ? createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, onConnection)
    : createServer(onConnection);
  servers.push(server);
  await new Promise<void>((resolve) =>
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve),
  );
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  seen.port = address.port;
  return seen;
}

function target(host: string, port: number, addresses: string[] = ["127.0.0.1"]): Target {
  return { kind: "target", host, port, addresses };
}

function request(url: string, method = "GET"): OutgoingRequest {
  return { method, url: new URL(url), headers: {}, body: method === "POST" ? "body" : null };
}

/** Reads the response to its end, so that its connection is free again. */
async function outcome(result: SendResult): Promise<string> {
  if (result.kind === "failed") return `${result.phase} ${result.reason}`;
  let text = `${result.response.statusCode} `;
  for await (const chunk of result.response) text += chunk;
  return text;
}

const answerOk = (socket: Socket) => void socket.write(OK);

test("the connection goes to the address, the name only into the Host header", async () => {
  const seen = await listen(answerOk);
  const client = new PinnedClient();
  // The name does not exist: a client that looked it up would fail.
  const url = `http://api.example.invalid:${seen.port}/path?q=1`;
  expect(
    await outcome(await client.send(request(url), target("api.example.invalid", seen.port), never)),
  ).toBe("200 ok");
  expect(seen.heads[0]).toStartWith("GET /path?q=1 HTTP/1.1\r\n");
  expect(seen.heads[0]).toContain(`\r\nhost: api.example.invalid:${seen.port}\r\n`);
  client.close();
});

test("an environment that names a proxy changes nothing about where the connection goes", async () => {
  const proxy = await listen(answerOk);
  const seen = await listen(answerOk);
  process.env.HTTP_PROXY = `http://127.0.0.1:${proxy.port}`;
  const client = new PinnedClient();
  try {
    const url = `http://api.example.invalid:${seen.port}/`;
    expect(
      await outcome(await client.send(request(url), target("api.example.invalid", seen.port), never)),
    ).toBe("200 ok");
  } finally {
    delete process.env.HTTP_PROXY;
    client.close();
  }
  expect([seen.connections, proxy.connections]).toEqual([1, 0]);
});

test("connections are kept alive", async () => {
  const seen = await listen(answerOk);
  const client = new PinnedClient();
  for (let time = 0; time < 5; time += 1)
    expect(
      await outcome(
        await client.send(
          request(`http://a.invalid:${seen.port}/`, "POST"),
          target("a.invalid", seen.port),
          never,
        ),
      ),
    ).toBe("200 ok");
  expect(seen.connections).toBe(1);
  expect(seen.heads).toHaveLength(5);
  client.close();
});

test("a new address of the same name gets a new connection, although one to the old address is open", async () => {
  const old = await listen(answerOk, { host: "127.0.0.2" });
  const fresh = await listen(answerOk, { host: "127.0.0.3", port: old.port });
  const client = new PinnedClient();
  const url = `http://api.example.invalid:${old.port}/`;
  for (const address of ["127.0.0.2", "127.0.0.3", "127.0.0.2"])
    await outcome(await client.send(request(url), target("api.example.invalid", old.port, [address]), never));
  expect([old.heads.length, old.connections, fresh.heads.length]).toEqual([2, 1, 1]);
  client.close();
});

test("an address that refuses the connection is followed by the next one", async () => {
  const seen = await listen(answerOk, { host: "127.0.0.3" });
  const client = new PinnedClient();
  const to = target("a.invalid", seen.port, ["127.0.0.2", "127.0.0.3"]);
  expect(await outcome(await client.send(request(`http://a.invalid:${seen.port}/`), to, never))).toBe(
    "200 ok",
  );
  const nowhere = target("a.invalid", seen.port, ["127.0.0.2"]);
  expect(await outcome(await client.send(request(`http://a.invalid:${seen.port}/`), nowhere, never))).toBe(
    "connect ECONNREFUSED",
  );
  client.close();
});

test("a server that accepts and never shakes hands is given up after the connection time-out", async () => {
  const seen = await listen(() => {});
  const client = new PinnedClient({ connectMsMax: 50 });
  const sent = client.send(request(`https://a.invalid:${seen.port}/`), target("a.invalid", seen.port), never);
  expect(await outcome(await sent)).toBe("tls ETIMEDOUT");
  client.close();
});

test("abort ends the wait for a response at once, with the signal's own reason", async () => {
  const arrived = Promise.withResolvers<void>();
  const seen = await listen(() => arrived.resolve());
  const client = new PinnedClient();
  const controller = new AbortController();
  const sent = client.send(
    request(`http://a.invalid:${seen.port}/`),
    target("a.invalid", seen.port),
    controller.signal,
  );
  await arrived.promise;
  const reason = new Error("time is up");
  controller.abort(reason);
  await expect(sent).rejects.toBe(reason);
  const late = client.send(
    request(`http://a.invalid:${seen.port}/`),
    target("a.invalid", seen.port),
    controller.signal,
  );
  await expect(late).rejects.toBe(reason);
  expect(seen.connections).toBe(1);
  client.close();
});

const BROKEN: [name: string, bytes: string, expected: RegExp][] = [
  ["garbage", "SSH-2.0-OpenSSH\r\n\r\n", /^exchange HPE_/],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 5\r\n\r\nxaaaa", /^exchange HPE_/],
  [
    "a length and chunks",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    /^exchange HPE_/,
  ],
  ["a megabyte of header", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(1_000_000)}\r\n\r\n`, /^exchange HPE_/],
  [
    "an upgrade that nobody asked for",
    "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    /^exchange UPGRADE$/,
  ],
  [
    "a hint before the answer",
    "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    /^200 x$/,
  ],
];
for (const [name, bytes, expected] of BROKEN)
  test(`a server that sends ${name} is answered for`, async () => {
    const seen = await listen((socket) => void socket.write(bytes));
    const client = new PinnedClient();
    const sent = await client.send(
      request(`http://a.invalid:${seen.port}/`),
      target("a.invalid", seen.port),
      never,
    );
    expect(await outcome(sent)).toMatch(expected);
    client.close();
  });

/** Answers the first request of a connection, and cuts it at the second. */
const answerOnce = (socket: Socket, count: number) =>
  void (count === 1 ? socket.write(OK) : socket.destroy());

test("a kept connection that the server closes is replaced for a GET", async () => {
  const seen = await listen(answerOnce);
  const client = new PinnedClient();
  const url = `http://a.invalid:${seen.port}/`;
  await outcome(await client.send(request(url), target("a.invalid", seen.port), never));
  expect(await outcome(await client.send(request(url), target("a.invalid", seen.port), never))).toBe(
    "200 ok",
  );
  expect(seen.heads).toHaveLength(3);
  client.close();
});

test("a POST is sent once and never again by itself: the first may have had its effect", async () => {
  const seen = await listen(answerOnce);
  const client = new PinnedClient();
  const url = `http://a.invalid:${seen.port}/`;
  await outcome(await client.send(request(url, "POST"), target("a.invalid", seen.port), never));
  expect(
    await outcome(await client.send(request(url, "POST"), target("a.invalid", seen.port), never)),
  ).toMatch(/^exchange E/);
  expect(seen.heads).toHaveLength(2);
  client.close();
});

test("TLS speaks the name, checks the certificate for it, and keeps one name's connection from another's", async () => {
  const seen = await listen(answerOk, { isTls: true });
  const client = new PinnedClient({ tlsCa: TEST_CA });
  const get = async (host: string) =>
    outcome(await client.send(request(`https://${host}:${seen.port}/`), target(host, seen.port), never));
  expect(await get("api.example.test")).toBe("200 ok");
  expect(await get("api.example.test")).toBe("200 ok");
  expect(seen.connections).toBe(1);
  expect(await get("other.example.test")).toBe("200 ok");
  expect(seen.names).toEqual(["api.example.test", "other.example.test"]);
  expect(await get("evil.example.test")).toMatch(/^tls /);
  expect(seen.heads).toHaveLength(3);
  client.close();
});

test("a certificate is checked whatever the environment says, and for an address too", async () => {
  const seen = await listen(answerOk, { isTls: true });
  const strict = new PinnedClient({ tlsCa: TEST_CA });
  const byAddress = request(`https://127.0.0.1:${seen.port}/`);
  expect(await outcome(await strict.send(byAddress, target("127.0.0.1", seen.port), never))).toMatch(/^tls /);
  const stranger = new PinnedClient();
  const byName = request(`https://api.example.test:${seen.port}/`);
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    expect(await outcome(await stranger.send(byName, target("api.example.test", seen.port), never))).toMatch(
      /^tls /,
    );
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
  expect(seen.heads).toEqual([]);
  strict.close();
  stranger.close();
});

test("a server that speaks no TLS fails as TLS, not as a lost response", async () => {
  const seen = await listen((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const client = new PinnedClient({ tlsCa: TEST_CA });
  const sent = await client.send(
    request(`https://a.invalid:${seen.port}/`),
    target("a.invalid", seen.port),
    never,
  );
  expect(await outcome(sent)).toMatch(/^tls /);
  client.close();
});
