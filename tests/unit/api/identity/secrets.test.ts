import { expect, test } from "bun:test";
import {
  formatRefreshToken,
  hashSecret,
  newApiKey,
  newRefreshToken,
  parseRefreshToken,
  successorOf,
} from "@millrace/api/identity/secrets";

test("a refresh token is what its text says", () => {
  const token = newRefreshToken();
  expect(parseRefreshToken(formatRefreshToken(token))).toEqual(token);
});

test.each([
  "",
  "mrr_",
  "mrr_a.b",
  `mrr_${"a".repeat(43)}.${"b".repeat(44)}`,
  `mrk_${"a".repeat(43)}.${"b".repeat(43)}`,
])("%p is no refresh token", (text) => {
  expect(parseRefreshToken(text)).toBeUndefined();
});

test("a successor keeps the family, and depends on the token and the server's secret", () => {
  const token = newRefreshToken();
  const successor = successorOf(token, "s1");
  expect(successor).toEqual(successorOf(token, "s1"));
  expect(successor.family).toBe(token.family);
  expect(parseRefreshToken(formatRefreshToken(successor))).toEqual(successor);
  const others = [
    token.secret,
    successorOf(token, "s2").secret,
    successorOf({ ...token, secret: "x" }, "s1").secret,
  ];
  expect(others).not.toContain(successor.secret);
});

test("keys and tokens do not repeat", () => {
  const made = Array.from({ length: 1_000 }, () => [
    newApiKey().apiKey,
    formatRefreshToken(newRefreshToken()),
  ]).flat();
  expect(new Set(made).size).toBe(2_000);
});

test("a key names its public id, and its hash has 256 bits", () => {
  const { keyId, apiKey } = newApiKey();
  expect(apiKey).toStartWith(`mrk_${keyId.slice("key_".length)}_`);
  expect(hashSecret(apiKey)).toHaveLength(32);
});
