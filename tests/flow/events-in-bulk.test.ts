import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { Client, type ClientOptions, HttpConnection } from "@elastic/elasticsearch";
import { type EventApi, HOOK_MS, startEventApi } from "../support/event-api.ts";

let house: EventApi;
beforeAll(async () => {
  house = await startEventApi();
}, HOOK_MS);
afterAll(() => house.close(), HOOK_MS);

/** Over node:http: its other connection needs parts of undici that Bun does not have. */
const connect = (options: ClientOptions) =>
  new Client({ node: house.url, Connection: HttpConnection, ...options });

const TIME = "2026-01-15T11:59:59.250Z";

describe("a real client delivers", () => {
  test.each([
    ["with the key as API key", (key: string) => ({ apiKey: key })],
    ["with id and key", (key: string) => ({ apiKey: { id: "any", api_key: key } })],
    ["with the key as password", (key: string) => ({ username: "any", password: key })],
    ["with a bearer", (key: string) => ({ bearer: key })],
  ])("%s", async (name, auth) => {
    const client = connect({ auth: auth(house.key), compression: true });
    const documents = Array.from({ length: 50 }, (_, n) => ({
      "@timestamp": TIME,
      message: `line ${n}`,
      log: { level: "WARN", offset: n },
      service: { name },
      n,
    }));
    const result = await client.helpers.bulk({
      datasource: documents,
      onDocument: (document) => ({ create: { _index: "logs-shop", _id: `id-${document.n}` } }),
      retries: 0,
      onDrop: ({ error }) => {
        throw new Error(JSON.stringify(error));
      },
    });
    expect(result).toMatchObject({ total: 50, successful: 50, failed: 0 });
    const events = (await house.events()).filter(({ source }) => source === name);
    expect(events).toHaveLength(50);
    expect(events[7]).toEqual({
      timestamp: TIME,
      type: "logs-shop",
      message: "line 7",
      source: name,
      level: "warn",
      id: "id-7",
      attributes: { log: { level: "WARN", offset: 7 }, service: { name }, n: 7 },
    });
    await client.close();
  });

  test("whose other calls of the handshake are answered", async () => {
    const client = connect({ auth: { apiKey: house.key } });
    expect(await client.ping()).toBe(true);
    expect((await client.info()).version.number).toBe("9.0.0");
    expect((await client.cluster.health()).status).toBe("green");
    expect((await client.license.get()).license.status).toBe("active");
    expect((await client.xpack.info()).license.status).toBe("active");
    await client.close();
  });
});

const bulk = (lines: readonly unknown[], headers: Record<string, string> = {}, path = "/_bulk") =>
  house.api.call("POST", path, {
    token: house.key,
    body: lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
    headers: { "Content-Type": "application/x-ndjson", ...headers },
  });

test("each operation is answered by itself, in order", async () => {
  const { status, body, headers } = await bulk([
    { index: { _index: "a", _id: "1" } },
    { message: "one" },
    { update: { _index: "a", _id: "1" } },
    { doc: {} },
    { delete: { _index: "a", _id: "1" } },
    { create: {} },
    "not json",
    { create: {} },
    { message: "x", "@timestamp": "1969-01-01T00:00:00Z" },
    { create: {} },
    { log: "a line of a container\n", stream: "stderr", "@timestamp": "2026-01-15T11:00:00.5" },
  ]);
  expect(status).toBe(200);
  expect(headers.get("X-Elastic-Product")).toBe("Elasticsearch");
  const refused = (reason: RegExp) => ({
    status: 400,
    error: { type: "document_parsing_exception", reason: expect.stringMatching(reason) },
  });
  expect(body).toMatchObject({
    errors: true,
    items: [
      { index: { _index: "a", _id: "1", status: 201, result: "created" } },
      { update: refused(/never changed/) },
      { delete: refused(/never changed/) },
      { create: refused(/not JSON/) },
      { create: refused(/EVENT_TOO_OLD/) },
      { create: { _index: "events", status: 201 } },
    ],
  });
  expect((await house.events()).slice(-2)).toEqual([
    { type: "a", message: "one", id: "1", attributes: {} },
    {
      timestamp: "2026-01-15T11:00:00.5Z",
      type: "log",
      message: "a line of a container\n",
      attributes: { log: "a line of a container\n", stream: "stderr" },
    },
  ]);
});

test("the index of the path is the type of operations that name none", async () => {
  const { body } = await bulk([{ create: {} }, { message: "x" }], {}, "/app-logs/_bulk");
  expect(body.errors).toBe(false);
  expect((await house.events()).at(-1)?.type).toBe("app-logs");
});

describe("a request in which nobody can tell where an operation begins is refused, and nothing of it is taken", () => {
  test.each([
    ["an unknown verb", [{ create: {} }, { message: "x" }, { upsert: {} }, {}]],
    ["no verb", [{ create: {} }, { message: "x" }, {}, {}]],
    ["two verbs", [{ create: {} }, { message: "x" }, { create: {}, index: {} }, {}]],
    ["garbage", [{ create: {} }, { message: "x" }, "garbage"]],
    ["no document", [{ create: {} }, { message: "x" }, { create: {} }]],
    ["nothing", []],
  ])("%s", async (_, lines) => {
    const before = (await house.messages()).length;
    const { status, body } = await bulk(lines);
    expect([status, body.code]).toEqual([400, "BAD_JSON"]);
    expect((await house.messages()).length).toBe(before);
  });
});

test("without a key nothing is taken, whatever the path", async () => {
  for (const path of ["/_bulk", "/x/_bulk", "/_bulk/"])
    expect((await house.api.call("POST", path, { body: "{}" })).status).toBe(401);
  const wrong = { Authorization: `Basic ${Buffer.from("a:wrong").toString("base64")}` };
  expect((await house.api.call("POST", "/_bulk", { body: "{}", headers: wrong })).status).toBe(401);
});

test("the page at / is for people, and says Elasticsearch to shippers", async () => {
  const page = (
    await house.api.call("GET", "/", { headers: { Accept: "text/html", "User-Agent": "Mozilla" } })
  ).text;
  expect(page).toStartWith("<!doctype html>");
  expect((await house.api.call("GET", "/")).text).toStartWith("<!doctype html>");
  for (const agent of [
    "Elastic-Filebeat/9.0.0",
    "Vector/0.45",
    "Fluent-Bit",
    "Logstash/9",
    "elasticsearch-js/9.5.1",
  ])
    expect((await house.api.call("GET", "/", { headers: { "User-Agent": agent } })).body.tagline).toBe(
      "You Know, for Search",
    );
});

test("packed bodies are unpacked", async () => {
  const packed = gzipSync('{"create":{}}\n{"message":"packed"}\n');
  const { body } = await house.api.call("POST", "/_bulk", {
    token: house.key,
    body: packed,
    headers: { "Content-Type": "application/x-ndjson", "Content-Encoding": "gzip" },
  });
  expect(body.errors).toBe(false);
  expect((await house.events()).at(-1)?.message).toBe("packed");
});
