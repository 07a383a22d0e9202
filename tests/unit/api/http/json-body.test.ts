import { expect, test } from "bun:test";
import { parseJson } from "@millrace/api/http/json-body";
import { Fault } from "@millrace/core";

const encode = (text: string) => new TextEncoder().encode(text);

function refusal(bytes: Uint8Array): Fault {
  try {
    parseJson(bytes);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

test.each([
  ["nothing", "", "the body is empty"],
  ["white space", " \n", "JSON Parse error"],
  ["an unterminated object", '{"a": 1', "JSON Parse error"],
  ["an unterminated text", '{"a": "b', "JSON Parse error"],
  ["two values", "{}{}", "JSON Parse error"],
  ["a comment", "{} // x", "JSON Parse error"],
  ["NaN", "NaN", "JSON Parse error"],
  ["a raw NUL", "\0", "JSON Parse error"],
  ["a NUL inside a text", '{"a": "b\0c"}', "JSON Parse error"],
  ["an escaped NUL", '{"a": ["x", "b\\u0000c"]}', "a NUL character"],
  ["an escaped NUL in a name", '{"a\\u0000": 1}', "a NUL character"],
  ["half a surrogate pair", '{"a": "\\ud800"}', "half of a surrogate pair"],
  ["a number beyond a double", '{"a": 1e400}', "a number that does not fit into a double"],
  ["the name __proto__", '{"a": {"__proto__": {"x": 1}}}', "the name __proto__"],
  ["the name __proto__, escaped", '{"\\u005f_proto__": 1}', "the name __proto__"],
  ["10 000 levels of lists", `${"[".repeat(10_000)}${"]".repeat(10_000)}`, "levels of nesting"],
  ["10 000 levels of objects", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, "levels of nesting"],
  ["a million open brackets", "[".repeat(1_000_000), ""],
])("%s is refused as BAD_JSON, with the reason", (_, text, reason) => {
  const fault = refusal(encode(text));
  expect(fault.code).toBe("BAD_JSON");
  expect(fault.message).toContain(reason);
});

test.each([
  ["a byte that is never part of UTF-8", [0x22, 0xff, 0x22]],
  ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
  ["a character cut short", [0x22, 0xe2, 0x82, 0x22]],
  ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ["UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
])("%s is refused as not UTF-8", (_, bytes) => {
  expect(refusal(new Uint8Array(bytes)).message).toBe("the body is not valid UTF-8");
});

test("what is refused is found: a JSON pointer leads to it", () => {
  expect(refusal(encode('{"a/b": [0, {"c~d": 1e999}]}')).errors).toEqual([
    { path: "/a~1b/1/c~0d", message: "a number that does not fit into a double" },
  ]);
});

test("everything else arrives as it was sent", () => {
  const value = {
    text: "tab\t, é, 😀, \\u0000 as text",
    numbers: [-0.5, 1e308, 2 ** 53],
    nested: [[[{}]]],
    constructor: null,
  };
  expect(parseJson(encode(JSON.stringify(value)))).toEqual(value);
});

test("of duplicate keys the last one counts", () => {
  expect(parseJson(encode('{"a": 1, "a": 2}'))).toEqual({ a: 2 });
});

test("nesting up to a payload's depth and the fields around it is let pass", () => {
  expect(parseJson(encode(`${"[".repeat(72)}${"]".repeat(72)}`))).toBeArray();
  expect(refusal(encode(`${"[".repeat(73)}${"]".repeat(73)}`)).message).toContain("72 levels");
});
