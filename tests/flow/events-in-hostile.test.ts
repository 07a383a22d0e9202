import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { EVENT_BYTES_MAX, EVENTS_BODY_BYTES_MAX } from "@millrace/core/limits";
import fc from "fast-check";
import { type EventApi, HOOK_MS, NDJSON, startEventApi } from "../support/event-api.ts";
import { exchange } from "../support/raw-http.ts";

let house: EventApi;
beforeAll(async () => {
  house = await startEventApi();
}, HOOK_MS);
afterAll(() => house.close(), HOOK_MS);

const GOOD = '{"type":"t","message":"good"}';
const event = (more: string) => `{"type":"t","message":"m",${more}}`;
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":${n}`).join(",")}}`;

describe("a bad record costs only itself, and is told by its index and a code", () => {
  test.each([
    ["garbage", "garbage", "BAD_JSON"],
    ["an unfinished object", '{"type":"t","message":', "BAD_JSON"],
    ["two objects on a line", `${GOOD}${GOOD}`, "BAD_JSON"],
    ["an array", "[]", "BAD_JSON"],
    ["null", "null", "BAD_JSON"],
    ["a number", "1", "BAD_JSON"],
    ["bytes that are no UTF-8", Buffer.from(event('"source":"\xff\xfe"'), "latin1"), "BAD_JSON"],
    [
      "half of an emoji in UTF-8",
      Buffer.from([...Buffer.from('{"type":"'), 0xf0, 0x9f, ...Buffer.from('"}')]),
      "BAD_JSON",
    ],
    ["a raw NUL", event('"source":"\0"'), "BAD_JSON"],
    ["a byte order mark in the middle", `\ufeff${GOOD}`, "BAD_JSON"],
    ["a number beyond a double", event('"attributes":{"n":1e999}'), "BAD_JSON"],
    ["no type", '{"message":"m"}', "VALIDATION_FAILED"],
    ["no message", '{"type":"t"}', "VALIDATION_FAILED"],
    ["an empty type", '{"type":"","message":"m"}', "VALIDATION_FAILED"],
    ["a null type", '{"type":null,"message":"m"}', "VALIDATION_FAILED"],
    ["a type of 129 characters", `{"type":"${"t".repeat(129)}","message":"m"}`, "VALIDATION_FAILED"],
    ["a last type that is none", '{"type":"t","message":"m","type":5}', "VALIDATION_FAILED"],
    ["a message that is none", '{"type":"t","message":5}', "VALIDATION_FAILED"],
    [
      "a message of 32 KiB and a byte",
      `{"type":"t","message":"${"é".repeat(16 * 1024)}x"}`,
      "VALIDATION_FAILED",
    ],
    ["attributes that are a list", event('"attributes":[]'), "VALIDATION_FAILED"],
    ["a level of 17 characters", event(`"level":"${"l".repeat(17)}"`), "VALIDATION_FAILED"],
    ["a level that is a number", event('"level":30'), "VALIDATION_FAILED"],
    ["a time without an offset", event('"timestamp":"2026-01-15T12:00:00"'), "VALIDATION_FAILED"],
    ["a day that is none", event('"timestamp":"2025-02-29T12:00:00Z"'), "VALIDATION_FAILED"],
    ["an hour that is none", event('"timestamp":"2025-02-20T24:00:00Z"'), "VALIDATION_FAILED"],
    ["a month that is none", event('"timestamp":"2025-13-20T20:00:00Z"'), "VALIDATION_FAILED"],
    ["the last second of 1999", event('"timestamp":"1999-12-31T23:59:59Z"'), "EVENT_TOO_OLD"],
    ["epoch seconds instead of milliseconds", event('"timestamp":1768478400'), "EVENT_TOO_OLD"],
    ["a day and a second ahead", event('"timestamp":"2026-01-16T12:00:01Z"'), "EVENT_TOO_NEW"],
    ["the year 9999", event('"timestamp":"9999-12-31T23:59:59Z"'), "EVENT_TOO_NEW"],
    ["17 levels", event(`"attributes":${nested(16)}`), "EVENT_TOO_DEEP"],
    ["10 000 levels", event(`"a":${"[".repeat(10_000)}${"]".repeat(10_000)}`), "EVENT_TOO_DEEP"],
    ["257 keys", event(`"attributes":${keys(254)}`), "EVENT_TOO_MANY_KEYS"],
    ["64 KiB and a byte", event(`"a":"${"x".repeat(EVENT_BYTES_MAX)}"`), "EVENT_TOO_LARGE"],
  ])("%s", async (_, bad, code) => {
    const before = (await house.events()).length;
    const body = Buffer.concat([Buffer.from(`${GOOD}\n`), Buffer.from(bad), Buffer.from(`\n\n${GOOD}`)]);
    const { status, body: answer } = await house.send(body, NDJSON);
    expect(status).toBe(202);
    expect(answer.accepted).toBe(2);
    expect(answer.rejected).toEqual([{ index: 1, code, message: expect.any(String) }]);
    expect((await house.events()).slice(before)).toEqual([JSON.parse(GOOD), JSON.parse(GOOD)]);
  });

  test("also in an array, whose other elements are taken", async () => {
    const { body } = await house.send(`[${GOOD}, {"type":}, "x", ${GOOD}, {"type":"a\nb"}, ${GOOD}]`);
    expect(body.accepted).toBe(3);
    expect(body.rejected).toMatchObject([{ index: 1 }, { index: 2 }, { index: 4 }]);
  });
});

describe("what lies within the bounds is taken", () => {
  test.each([
    [
      "null for absent fields",
      event('"timestamp":null,"level":null,"source":null,"id":null,"attributes":null'),
    ],
    ["16 levels", event(`"attributes":${nested(15)}`)],
    ["256 keys", event(`"attributes":${keys(253)}`)],
    ["a message of 32 KiB", `{"type":"t","message":"${"é".repeat(16 * 1024)}"}`],
    ["a record of 64 KiB", event(`"a":"${"x".repeat(EVENT_BYTES_MAX - event('"a":""').length)}"`)],
    ["an empty message", '{"type":"t","message":""}'],
    ["a day ahead", event('"timestamp":"2026-01-16T12:00:00Z"')],
    ["the first second of 2000", event('"timestamp":"2000-01-01T00:00:00Z"')],
    ["29 February", event('"timestamp":"2024-02-29T23:59:59.123456789+05:30"')],
    ["epoch milliseconds", event('"timestamp":1768478400000')],
    ["fields that nobody knows", event('"trace":{"id":1},"__proto__":{"a":1},"constructor":2')],
    ["a type twice, the last one good", '{"type":5,"message":"m","type":"t"}'],
  ])("%s", async (_, line) => {
    const { status, body } = await house.send(line);
    expect([status, body.rejected]).toEqual([202, []]);
    const last = (await house.messages()).at(-1);
    expect(last?.text).toBe(line);
  });
});

test("NUL and half surrogate pairs become replacement characters; nothing else is touched", async () => {
  const line = String.raw`{"type":"t\u0000","message":"a\u0000b \ud83d\ude00 \ud83d \ude00 \\u0000 \\\u0000 é","k\udfff":"\u00e9\n"}`;
  const { body } = await house.send(`${line}\n${GOOD}`, NDJSON);
  expect(body).toMatchObject({ accepted: 2, rejected: [] });
  const [mended] = (await house.events()).slice(-2);
  expect(mended).toEqual({
    type: "t\ufffd",
    message: "a\ufffdb 😀 \ufffd \ufffd \\u0000 \\\ufffd é",
    "k\ufffd": "é\n",
  });
});

describe("a request that brings nothing is refused as a whole", () => {
  test.each([
    ["nothing at all", "", {}, 400, "BAD_JSON"],
    ["blanks", " \n", {}, 400, "BAD_JSON"],
    ["no JSON", "garbage", {}, 400, "BAD_JSON"],
    ["an array that does not end", `[${GOOD}`, {}, 400, "BAD_JSON"],
    ["an array with more behind it", `[${GOOD}]x`, {}, 400, "BAD_JSON"],
    ["an array with a comma too many", `[${GOOD},]`, {}, 400, "BAD_JSON"],
    ["an array with a hole", `[${GOOD},,${GOOD}]`, {}, 400, "BAD_JSON"],
    ["a string that does not end", `["abc`, {}, 400, "BAD_JSON"],
    ["an escape at the end", `["abc\\`, {}, 400, "BAD_JSON"],
    ["100 000 brackets", "[".repeat(100_000), {}, 400, "BAD_JSON"],
    ["an empty array", "[]", {}, 422, "VALIDATION_FAILED"],
    ["empty lines", "\n\r\n \n", NDJSON, 422, "VALIDATION_FAILED"],
    ["lines without one event", "a\nb\n", NDJSON, 422, "VALIDATION_FAILED"],
    ["a single event with a mistake", '{"type":"t"}', {}, 422, "VALIDATION_FAILED"],
    [
      "a single event that is too large",
      event(`"a":"${"x".repeat(EVENT_BYTES_MAX)}"`),
      {},
      413,
      "BODY_TOO_LARGE",
    ],
    ["another type", "x", { "Content-Type": "text/plain" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["another packing", "x", { ...NDJSON, "Content-Encoding": "br" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    [
      "a packing in a packing",
      "x",
      { ...NDJSON, "Content-Encoding": "gzip, zstd" },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["a key that is none", GOOD, { "Idempotency-Key": "with blank" }, 400, "BAD_REQUEST"],
    ["more than 16 MiB", new Uint8Array(EVENTS_BODY_BYTES_MAX + 1), NDJSON, 413, "BODY_TOO_LARGE"],
  ])("%s", async (_, body, headers, status, code) => {
    const before = (await house.messages()).length;
    const answer = await house.send(body, headers);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await house.messages()).length).toBe(before);
  });

  test("and it says what is wrong with each record", async () => {
    const { body } = await house.send('{"type":"t"}\nx', NDJSON);
    expect(body).toMatchObject({
      accepted: 0,
      rejected: [
        { index: 0, code: "VALIDATION_FAILED" },
        { index: 1, code: "BAD_JSON" },
      ],
      errors: [{ path: "/0", message: "message must be a string" }, { path: "/1" }],
    });
  });
});

describe("packed bodies", () => {
  const plain = Buffer.from(`${GOOD}\n`.repeat(1_000));
  const packings = { gzip: gzipSync(plain), zstd: zstdCompressSync(plain) };
  const pack = (packing: string) => ({ ...NDJSON, "Content-Encoding": packing });

  test.each(Object.entries(packings))(
    "%s that is cut anywhere is refused, and nothing of it is taken",
    async (packing, packed) => {
      const before = (await house.messages()).length;
      for (let end = 0; end < packed.length; end += 1) {
        const { status } = await house.send(packed.subarray(0, end), pack(packing));
        expect([end, status]).toEqual([end, 400]);
      }
      expect((await house.messages()).length).toBe(before);
    },
  );

  test.each(Object.entries(packings))(
    "%s with garbage before or behind is refused",
    async (packing, packed) => {
      for (const body of [
        Buffer.concat([packed, Buffer.from("more")]),
        Buffer.concat([Buffer.from("x"), packed]),
      ])
        expect((await house.send(body, pack(packing))).status).toBe(400);
    },
  );

  test.each(Object.entries(packings))(
    "%s with bytes that were changed is never a 5xx",
    async (packing, packed) => {
      await fc.assert(
        fc.asyncProperty(fc.nat(packed.length - 1), fc.nat(255), async (at, byte) => {
          const broken = Buffer.from(packed);
          broken[at] = byte;
          expect((await house.send(broken, pack(packing))).status).toBeLessThan(500);
        }),
        { numRuns: 150 },
      );
    },
  );

  test.each([
    ["gzip", gzipSync(Buffer.alloc(100e6, "\n"))],
    ["zstd", zstdCompressSync(Buffer.alloc(100e6, "\n"))],
    ["gzip", gzipSync(Buffer.alloc(100e6, "x"))],
    ["zstd", zstdCompressSync(Buffer.alloc(100e6, GOOD))],
  ])("a bomb in %s is refused before it has unpacked", async (packing, bomb) => {
    const before = process.memoryUsage().rss;
    const answer = await house.send(bomb, pack(packing));
    expect([answer.status, answer.body.code]).toEqual([413, "BODY_TOO_LARGE"]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  });

  test("a zstd frame that asks for a huge window is refused", async () => {
    const packed = Buffer.from(packings.zstd);
    const greedy = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00]);
    expect((await house.send(greedy, pack("zstd"))).body.detail).toContain("window");
    expect((await house.send(packed, pack("zstd"))).status).toBe(202);
  });
});

test("whatever lines come, none is a 5xx, and what is accepted is in the stream", async () => {
  const piece = fc.oneof(
    fc.constant(GOOD),
    fc.json({ maxDepth: 3 }),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc
      .record({
        type: fc.string({ unit: "binary" }),
        message: fc.string({ unit: "binary" }),
        attributes: fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 2 })),
      })
      .map((value) => JSON.stringify(value)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 20 }),
      fc.constantFrom("utf8", "latin1"),
      fc.boolean(),
      fc.boolean(),
      async (lines, encoding, isArray, isChunked) => {
        const text = isArray ? `[${lines.join(",")}]` : lines.join("\n");
        const before = (await house.messages()).length;
        const send = isChunked ? house.sendInChunks : house.send;
        const answer = await send(Buffer.from(text, encoding as BufferEncoding), isArray ? {} : NDJSON);
        expect(answer.status).toBeLessThan(500);
        const accepted = answer.status === 202 ? Number(answer.body.accepted) : 0;
        const added = (await house.messages()).slice(before);
        expect(added.reduce((sum, { header }) => sum + (header?.events ?? 0), 0)).toBe(accepted);
        for (const { text: body, header } of added) {
          const found = body.replace(/\n$/, "").split("\n");
          expect(found).toHaveLength(header?.events ?? -1);
          for (const line of found) {
            const value: unknown = JSON.parse(line);
            expect(JSON.stringify(value)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);

describe("a connection that breaks in the middle of a body", () => {
  const head = (more: string) =>
    `POST /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${house.key}\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n${more}\r\n`;
  const port = () => Number(new URL(house.url).port);

  test("takes nothing of a short body", async () => {
    const before = (await house.messages()).length;
    await exchange(port(), `${head("Content-Length: 1000\r\n")}${GOOD}\n`, () => false).catch(() => "");
    expect((await house.send(GOOD)).status).toBe(202);
    expect((await house.messages()).length).toBe(before + 1);
  }, 10_000);

  test("chunks that are no chunks are refused", async () => {
    const answer = await exchange(port(), `${head("Transfer-Encoding: chunked\r\n")}zz\r\n${GOOD}\r\n`);
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d|$)/);
    expect((await house.send(GOOD)).status).toBe(202);
  });

  test("chunks bring events as well as a body of known length", async () => {
    const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
    const body = chunk(`${GOOD}\n${GOOD.slice(0, 5)}`) + chunk(`${GOOD.slice(5)}\n`) + chunk("");
    const answer = await exchange(port(), head("Transfer-Encoding: chunked\r\n") + body);
    expect(answer).toContain('"accepted":2,"rejected":[]');
  });
});
