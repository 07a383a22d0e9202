import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { OTLPLogExporter as JsonExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { type EventApi, HOOK_MS, startEventApi } from "../support/event-api.ts";

let house: EventApi;
beforeAll(async () => {
  house = await startEventApi();
}, HOOK_MS);
afterAll(() => house.close(), HOOK_MS);

const AT_MS = Date.UTC(2026, 0, 15, 11, 59, 59, 250);

describe("what a real SDK exports comes into the stream", () => {
  test.each([
    ["protobuf", ProtobufExporter, {}],
    ["protobuf in gzip", ProtobufExporter, { compression: "gzip" }],
    ["JSON", JsonExporter, {}],
    ["JSON in gzip", JsonExporter, { compression: "gzip" }],
  ] as const)("as %s", async (form, Exporter, options) => {
    const exporter = new Exporter({
      url: `${house.url}/v1/logs`,
      headers: { Authorization: `Bearer ${house.key}` },
      ...(options as object),
    });
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ "service.name": `shop ${form}`, "host.name": "web-1" }),
      processors: [new BatchLogRecordProcessor({ exporter })],
    });
    const logger = provider.getLogger("checkout", "1.2.3");
    logger.emit({
      timestamp: AT_MS,
      severityNumber: 17,
      severityText: "ERROR",
      body: "card refused",
      attributes: { amount: 12.5, big: 123456, tags: ["a", "b"], nested: { deep: { er: true } } },
    });
    logger.emit({ timestamp: AT_MS, eventName: "order.paid", body: { order: 7 } });
    await provider.forceFlush();
    await provider.shutdown();
    const events = (await house.events()).filter(({ source }) => source === `shop ${form}`);
    const resource = { "service.name": `shop ${form}`, "host.name": "web-1" };
    const scope = { name: "checkout", version: "1.2.3" };
    expect(events).toEqual([
      {
        timestamp: "2026-01-15T11:59:59.250000000Z",
        type: "log",
        message: "card refused",
        source: `shop ${form}`,
        level: "error",
        attributes: {
          amount: 12.5,
          big: 123456,
          tags: ["a", "b"],
          nested: { deep: { er: true } },
          severity_number: 17,
          resource,
          scope,
        },
      },
      {
        timestamp: "2026-01-15T11:59:59.250000000Z",
        type: "order.paid",
        message: '{"order":7}',
        source: `shop ${form}`,
        attributes: { resource, scope },
      },
    ]);
  });
});

const post = (body: unknown, headers: Record<string, string> = {}) =>
  house.api.call("POST", "/v1/logs", { token: house.key, body, headers });
const PROTOBUF = { "Content-Type": "application/x-protobuf" };
const group = (logRecords: unknown[]) => ({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });

test("what is refused is counted, and costs only itself", async () => {
  const before = (await house.events()).length;
  const good = { timeUnixNano: String(BigInt(AT_MS) * 1_000_000n + 7n), body: { stringValue: "fine" } };
  let deep: unknown = { stringValue: "x" };
  for (let n = 0; n < 60; n++) deep = { arrayValue: { values: [deep] } };
  const { status, body } = await post(
    group([
      good,
      { ...good, timeUnixNano: "1" },
      { ...good, body: deep },
      "no record",
      null,
      { ...good, timeUnixNano: "18446744073709551615" },
      { ...good, body: { stringValue: "y".repeat(40_000) } },
      { ...good, attributes: [{ key: "__proto__", value: { stringValue: "mine" } }] },
    ]),
  );
  expect(status).toBe(200);
  expect(body).toEqual({
    partialSuccess: { rejectedLogRecords: "6", errorMessage: expect.stringContaining("EVENT_TOO_OLD") },
  });
  const events = (await house.events()).slice(before);
  expect(events.map(({ timestamp }) => timestamp)).toEqual(
    Array.from({ length: 2 }, () => "2026-01-15T11:59:59.250000007Z"),
  );
  expect(Object.entries(events[1]?.attributes ?? {})).toEqual([["__proto__", "mine"]]);
});

test("an empty request is a success, as the protocol says", async () => {
  expect(await post({})).toMatchObject({ status: 200, body: {} });
  const empty = await post(new Uint8Array(), PROTOBUF);
  expect(empty.status).toBe(200);
  expect(empty.headers.get("Content-Type")).toBe("application/x-protobuf");
  expect(empty.text).toBe("");
});

describe("what is no request is refused as a whole, with a Status in its form", () => {
  const record = Buffer.from([0x0a, 0x06, 0x12, 0x04, 0x12, 0x02, 0x2a, 0x00]);
  test.each([
    ["cut protobuf", record.subarray(0, -1), PROTOBUF, 400],
    ["garbage", Buffer.from("garbage, not protobuf"), PROTOBUF, 400],
    [
      "half a gzip stream",
      gzipSync(record).subarray(0, 12),
      { ...PROTOBUF, "Content-Encoding": "gzip" },
      400,
    ],
    ["JSON that is none", "{", { "Content-Type": "application/json" }, 400],
    ["another JSON value", "[]", { "Content-Type": "application/json" }, 400],
    ["JSON that nests without end", `${"[".repeat(100_000)}`, { "Content-Type": "application/json" }, 400],
  ])("%s", async (_, body, headers, status) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("Content-Type")).toStartWith(headers["Content-Type"] ?? "");
    if (headers["Content-Type"] === "application/json") expect(answer.body.code).toBe(3);
    else expect(answer.text).toContain("BAD_REQUEST");
  });

  test("another type of body", async () => {
    expect((await post("x", { "Content-Type": "text/plain" })).status).toBe(415);
  });
});

test("millions of empty records in a small body are refused before they become objects", async () => {
  const records = Buffer.alloc(2_000_000).fill(Buffer.from([0x12, 0x00]));
  const wrap = (bytes: Buffer, tag: number) => {
    const length = [];
    for (let rest = bytes.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
  };
  const before = process.memoryUsage().rss;
  const { status } = await post(wrap(wrap(records, 0x12), 0x0a), PROTOBUF);
  expect(status).toBe(413);
  expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
});
