import { describe, expect, test } from "bun:test";
import { type BatchBody, readBatch } from "@millrace/api/http/batch-body";
import { Fault } from "@millrace/core";
import { BATCH_TASKS_MAX, BODY_BYTES_MAX } from "@millrace/core/limits";

const NDJSON = "application/x-ndjson";

function read(
  body: string | Uint8Array,
  type?: string,
  headers: Record<string, string> = {},
): Promise<BatchBody> {
  const bytes = typeof body === "string" ? Buffer.from(body) : new Uint8Array(body);
  const sent = new Headers({ "Content-Length": String(bytes.length), ...headers });
  if (type !== undefined) sent.set("Content-Type", type);
  return readBatch({
    request: new Request("http://localhost/", { method: "POST", headers: sent, body: bytes }),
  });
}

async function codeOf(reading: Promise<BatchBody>): Promise<string> {
  const error = await reading.catch((error: unknown) => error);
  return error instanceof Fault ? error.code : `none: ${JSON.stringify(error)}`;
}

const value = (item: unknown) => ({ value: item });

test("an array is read item by item, whatever the items are", async () => {
  expect(await read('[{"a":1},2,null]', "application/json")).toEqual({
    items: [value({ a: 1 }), value(2), value(null)],
    bytes: 16,
  });
});

test.each([
  [undefined, "[1]"],
  ["application/json; charset=utf-8", "[1]"],
  ["Application/JSON", "[1]"],
  ["application/ndjson", "1"],
  ["application/jsonl", "1\n"],
  ["application/x-ndjson;charset=UTF-8", "1\r\n"],
])("content type %p is understood", async (type, body) => {
  expect((await read(body, type)).items).toEqual([value(1)]);
});

test.each([
  ["text/plain", {}],
  ["text/csv", {}],
  ["application/json; charset=iso-8859-1", {}],
  ["application/x-ndjson; charset=utf-16", {}],
  ["application/x-ndjson", { "Content-Encoding": "gzip" }],
  ["application/json", { "Content-Encoding": "br" }],
])(
  "content type %p with %p is refused as not understood, not taken for broken JSON",
  async (type, headers) => {
    expect(await codeOf(read("[1]", type, headers))).toBe("UNSUPPORTED_MEDIA_TYPE");
  },
);

describe("NDJSON", () => {
  test("needs no newline at its end, and lines without anything count for nothing", async () => {
    expect((await read('\n \t\r\n{"a":"\\n"}\r\n\n  2  \n\n"é"', NDJSON)).items).toEqual([
      value({ a: "\n" }),
      value(2),
      value("é"),
    ]);
  });

  test("a broken line costs itself and none beside it", async () => {
    const lines = ["1", "{", '{"a":"\\u0000"}', '{"__proto__":1}', '"\\ud800"', "1e999", "2 3", "4"];
    const { items } = await read(lines.join("\n"), NDJSON);
    expect(items.map((item) => ("value" in item ? item.value : item.problem.code))).toEqual([
      1,
      ...Array.from({ length: 6 }, () => "BAD_JSON"),
      4,
    ]);
  });

  test("a line that is not UTF-8 costs itself and none beside it", async () => {
    const { items } = await read(Buffer.from([0x31, 0x0a, 0x22, 0xff, 0x22, 0x0a, 0x32]), NDJSON);
    expect(items).toMatchObject([value(1), { problem: { code: "BAD_JSON" } }, value(2)]);
  });

  test("of nothing but newlines, 16 MiB of them, is refused before anybody notices", async () => {
    const body = new Uint8Array(BODY_BYTES_MAX).fill(0x0a);
    const before = process.cpuUsage();
    expect(await codeOf(read(body, NDJSON))).toBe("VALIDATION_FAILED");
    // CPU time, since others may be busy: 70 ms, and a second when each newline was taken for a line.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(500);
  });
});

test("a broken array, or what is none, is refused as a whole", async () => {
  const codes = ["[1,", "", "[1]2", "\u0000", "{}", '"a"', "null", "1\n2"].map((body) =>
    codeOf(read(body, "application/json")),
  );
  expect(await Promise.all(codes)).toEqual([
    ...["BAD_JSON", "BAD_JSON", "BAD_JSON", "BAD_JSON"],
    ...["VALIDATION_FAILED", "VALIDATION_FAILED", "VALIDATION_FAILED", "BAD_JSON"],
  ]);
});

test("a batch has between one task and as many as it may", async () => {
  const array = (count: number) => `[${Array.from({ length: count }, () => 1).join()}]`;
  const lines = (count: number) => "1\n".repeat(count);
  for (const [body, type] of [
    [array, "application/json"],
    [lines, NDJSON],
  ] as const) {
    expect((await read(body(BATCH_TASKS_MAX), type)).items).toHaveLength(BATCH_TASKS_MAX);
    expect(await codeOf(read(body(BATCH_TASKS_MAX + 1), type))).toBe("VALIDATION_FAILED");
    expect(await codeOf(read(body(0), type))).toBe("VALIDATION_FAILED");
  }
});

test("a body over its bound is refused by its declared length, unread", async () => {
  let isRead = false;
  const body = new ReadableStream(
    {
      pull: () => {
        isRead = true;
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "Content-Length": String(BODY_BYTES_MAX + 1), "Content-Type": "application/json" };
  const request = new Request("http://localhost/", { method: "POST", headers, body });
  expect([await codeOf(readBatch({ request })), isRead]).toEqual(["BODY_TOO_LARGE", false]);
});
