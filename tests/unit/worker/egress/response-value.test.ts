import { describe, expect, test } from "bun:test";
import { RESULT_BYTES_MAX } from "@millrace/core/limits";
import { bodyValue, headersValue } from "@millrace/worker/egress/response-value";

function value(text: string | Buffer, contentType?: string, isTruncated = false) {
  return bodyValue(Buffer.from(text), contentType, isTruncated);
}

describe("a body is JSON", () => {
  for (const type of [
    "application/json",
    "application/json; charset=utf-8",
    "Application/Problem+JSON",
    "text/json",
  ])
    test(`when ${type} says so and it parses`, () => expect(value('{"a":1}', type).body).toEqual({ a: 1 }));

  for (const [name, text, type] of [
    ["the type says otherwise", '{"a":1}', "text/plain"],
    ["there is no type", '{"a":1}', undefined],
    ["the type only resembles it", '{"a":1}', "application/jsonp"],
    ["it does not parse", '{"a":', "application/json"],
    ["it is empty", "", "application/json"],
    ["it nests deeper than a result may", "[".repeat(64) + "]".repeat(64), "application/json"],
    ["it nests so deep that parsing gives up", "[".repeat(60_000) + "]".repeat(60_000), "application/json"],
    ["PostgreSQL cannot hold a text of it", '{"a":"\\u0000"}', "application/json"],
    ["PostgreSQL cannot hold a name of it", '{"\\ud800":1}', "application/json"],
  ] as const)
    test(`but text when ${name}`, () => expect(value(text, type).body).toBe(text));

  test("but text when it was cut, even where the piece parses", () =>
    expect(value("12", "application/json", true)).toEqual({ body: "12", isTruncated: true }));
});

test("text is read in the charset that the server names, and as UTF-8 when nobody knows it", () => {
  expect(value(Buffer.from([0xfc]), "text/plain; charset=iso-8859-1").body).toBe("ü");
  expect(value("ü", 'text/plain; charset="no-such"').body).toBe("ü");
});

test("bytes that are no text become text that can be stored", () => {
  expect(value(Buffer.from([0x61, 0x00, 0xff, 0x62])).body).toBe("a\uFFFD\uFFFDb");
});

test("a body that grows as JSON is cut to what a result may take, and says so", () => {
  const { body, isTruncated } = value("\u0001".repeat(128 * 1024));
  expect(isTruncated).toBe(true);
  expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(RESULT_BYTES_MAX);
  const numbers = value(`[${"1e20,".repeat(20_000)}1]`, "application/json"); // Five characters become 21.
  expect(Buffer.byteLength(JSON.stringify(numbers.body))).toBeLessThan(RESULT_BYTES_MAX);
  expect(value("x".repeat(128 * 1024)).isTruncated).toBe(false);
});

test("headers keep lists and lose cookies", () => {
  expect(headersValue({ "set-cookie": ["a=b"], "x-a": "1", vary: "a, b" })).toEqual({
    "x-a": "1",
    vary: "a, b",
  });
});

test("headers are bounded in number, in length and together", () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`x-${n}`, "v"]));
  expect(Object.keys(headersValue(many))).toHaveLength(64);
  expect(headersValue({ "x-a": "v".repeat(5_000) })["x-a"]).toHaveLength(1_024);
  const heavy = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`x-${n}`, "v".repeat(1_000)]));
  expect(JSON.stringify(headersValue(heavy)).length).toBeLessThan(9_000);
});
