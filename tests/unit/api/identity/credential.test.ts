import { expect, test } from "bun:test";
import { isAccessToken, readCredential } from "@millrace/api/identity/credential";
import { Fault } from "@millrace/core";

const read = (headers: Record<string, string>) => readCredential(new Headers(headers));

test("a bearer comes before an API key header, and the scheme's case does not matter", () => {
  expect(read({ Authorization: "Bearer abc", "X-API-Key": "def" })).toBe("abc");
  expect(read({ Authorization: "bearer   abc" })).toBe("abc");
  expect(read({ "X-API-Key": "def" })).toBe("def");
  expect(read({})).toBeUndefined();
});

test.each<[string, Record<string, string>]>([
  ["another scheme", { Authorization: "Basic YTpi" }],
  ["a scheme alone", { Authorization: "Bearer" }],
  ["a bearer without its scheme", { Authorization: "abc" }],
  ["a bearer in two parts", { Authorization: "Bearer a b" }],
  ["a bearer beyond ASCII", { Authorization: "Bearer caf\u00e9" }],
  ["a bearer of 2 049 characters", { Authorization: `Bearer ${"a".repeat(2_049)}` }],
  ["an empty key", { "X-API-Key": "" }],
  ["a key of 2 049 characters", { "X-API-Key": "a".repeat(2_049) }],
])("%s is refused unread", (_, headers) => {
  expect(() => read(headers)).toThrow(Fault);
});

test("a JWT is told from a key by its form", () => {
  expect(["eyJh.eyJz.sig", "eyJh.eyJz", "mrk_1_2", "a.b.c", ""].map(isAccessToken)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
