import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { decodeReceipt } from "@millrace/protocol/events/index";
import { type EventApi, HOOK_MS, NDJSON, startEventApi } from "../support/event-api.ts";

let house: EventApi;
beforeAll(async () => {
  house = await startEventApi();
}, HOOK_MS);
afterAll(() => house.close(), HOOK_MS);

const event = (n: number) => ({ type: "order.paid", message: `order ${n} was paid`, attributes: { n } });
const lines = (count: number) => Array.from({ length: count }, (_, n) => JSON.stringify(event(n))).join("\n");

/** What the request put into the stream. */
async function stored(receipt: unknown): Promise<readonly unknown[]> {
  const messages = new Map((await house.messages()).map((message) => [message.seq, message]));
  return (decodeReceipt(String(receipt)) ?? []).flatMap(({ seq, first, count }) =>
    (messages.get(seq)?.text ?? "")
      .split("\n")
      .slice(first, first + count)
      .map((line) => JSON.parse(line)),
  );
}

describe("every form of a body brings its events into the stream", () => {
  const ten = Array.from({ length: 10 }, (_, n) => event(n));
  const ndjson = Buffer.from(`${lines(10)}\n`);
  const json = Buffer.from(JSON.stringify(ten));
  const pretty = Buffer.from(`\ufeff ${JSON.stringify(ten, null, 2)}\n`);
  const JSON_TYPE = { "Content-Type": "application/json" };
  test.each([
    ["NDJSON", NDJSON, ndjson],
    ["NDJSON without a last newline", NDJSON, ndjson.subarray(0, -1)],
    ["NDJSON with CRLF", NDJSON, Buffer.from(lines(10).replaceAll("\n", "\r\n"))],
    [
      "NDJSON with a byte order mark and empty lines",
      NDJSON,
      Buffer.from(`\ufeff\n${lines(10).replaceAll("\n", "\n \n\n")}\n\n`),
    ],
    ["an array", JSON_TYPE, json],
    ["a pretty array after a byte order mark", JSON_TYPE, pretty],
    ["NDJSON in gzip", { ...NDJSON, "Content-Encoding": "gzip" }, gzipSync(ndjson)],
    [
      "NDJSON in two gzip members",
      { ...NDJSON, "Content-Encoding": "gzip" },
      Buffer.concat([gzipSync(ndjson.subarray(0, 100)), gzipSync(ndjson.subarray(100))]),
    ],
    ["NDJSON in zstd", { ...NDJSON, "Content-Encoding": "zstd" }, zstdCompressSync(ndjson)],
    ["an array in zstd", { ...JSON_TYPE, "Content-Encoding": "zstd" }, zstdCompressSync(json)],
    ["an array in gzip", { ...JSON_TYPE, "Content-Encoding": "gzip" }, gzipSync(json)],
  ])("%s", async (_, headers, body) => {
    const { status, body: answer } = await house.send(body, headers);
    expect(answer).toEqual({ accepted: 10, rejected: [], receipt: expect.any(String) });
    expect(status).toBe(202);
    expect(await stored(answer.receipt)).toEqual(ten);
  });

  test("a single object, also a pretty one", async () => {
    const one = await house.send(JSON.stringify(event(1), null, 2));
    expect(one.body).toMatchObject({ accepted: 1, rejected: [] });
    expect(await stored(one.body.receipt)).toEqual([event(1)]);
  });

  test("a body of several MiB, in parts that the receipt names in order", async () => {
    const many = Array.from({ length: 20_000 }, (_, n) => event(n));
    const body = many.map((each) => JSON.stringify(each)).join("\n");
    for (const [sent, headers] of [
      [body, NDJSON],
      [gzipSync(body), { ...NDJSON, "Content-Encoding": "gzip" }],
      [zstdCompressSync(body), { ...NDJSON, "Content-Encoding": "zstd" }],
      [JSON.stringify(many), {}],
    ] as const) {
      const { body: answer } = await house.send(sent, headers);
      expect(answer.accepted).toBe(20_000);
      expect(await stored(answer.receipt)).toEqual(many);
    }
  });
});

test("the message says whose lines it holds, from when, and where they came from", async () => {
  const { body, headers } = await house.send(event(1), { "X-Correlation-Id": "c-77" });
  const seq = decodeReceipt(String(body.receipt))?.[0]?.seq;
  const message = (await house.messages()).find((each) => each.seq === seq);
  expect(headers.get("X-Correlation-Id")).toBe("c-77");
  expect(message).toMatchObject({ subject: "events.http", header: { events: 1, voided: [] } });
  expect(message?.header?.requests).toEqual([
    {
      first: 0,
      count: 1,
      owner: expect.any(Number),
      at: house.api.ports.nowMs(),
      cid: "c-77",
      source: "shop",
      rejected: 0,
    },
  ]);
});

test("without the scope events:write nothing is taken", async () => {
  const { status } = await house.api.call("POST", "/api/events", { body: event(1) });
  expect(status).toBe(401);
});

test("what came in, by door, is counted", async () => {
  const counter = async () => {
    const { text } = await house.api.call("GET", "/metrics");
    const read = (name: string) =>
      Number(new RegExp(`^${name}\\{[^}]*door="http"[^}]*\\} (\\d+)`, "m").exec(text)?.[1] ?? 0);
    return [read("millrace_events_accepted_total"), read("millrace_events_refused_total")] as const;
  };
  const [accepted, refused] = await counter();
  await house.send(`${lines(5)}\nbad`, NDJSON);
  expect(await counter()).toEqual([accepted + 5, refused + 1]);
});
