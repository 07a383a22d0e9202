import { expect, test } from "bun:test";
import { createAccessTokens } from "@millrace/api/identity/access-tokens";
import { ACCESS_TOKEN_S } from "@millrace/core/limits";

const SECRET = "a secret for tests, long enough to sign with";
const clock = { ms: Date.UTC(2026, 0, 15, 12) };
const tokens = createAccessTokens(SECRET, () => clock.ms);
const claims = { userId: 7, role: "operator", sessionId: 9 } as const;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
function sign(header: unknown, payload: unknown, secret = SECRET): string {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${new Bun.CryptoHasher("sha256", secret).update(text).digest("base64url")}`;
}
const HS256 = { alg: "HS256", typ: "JWT" };
const payload = { iss: "millrace", sub: "7", role: "operator", sid: 9, exp: clock.ms / 1000 + 60 };

test("what was issued verifies, and says who it is", async () => {
  const { token, expiresInS } = await tokens.issue(claims);
  const expiresAtMs = clock.ms + ACCESS_TOKEN_S * 1000;
  expect(expiresInS).toBe(ACCESS_TOKEN_S);
  expect(await tokens.verify(token)).toEqual({ kind: "valid", claims, expiresAtMs });
});

test("a token made by hand with the right secret verifies: the refusals below mean something", async () => {
  expect((await tokens.verify(sign(HS256, payload))).kind).toBe("valid");
});

test("a token expires to the second", async () => {
  const at = async (exp: number) => (await tokens.verify(sign(HS256, { ...payload, exp }))).kind;
  expect([await at(clock.ms / 1000 + 1), await at(clock.ms / 1000)]).toEqual(["valid", "expired"]);
});

test.each([
  ["another secret", sign(HS256, payload, "another secret, just as long as the right one")],
  ["no signature", `${encode(HS256)}.${encode(payload)}.`],
  ["the algorithm none", `${encode({ alg: "none" })}.${encode(payload)}.`],
  ["the algorithm none and a signature", sign({ alg: "none" }, payload)],
  ["another HMAC", sign({ alg: "HS512" }, payload)],
  ["another issuer", sign(HS256, { ...payload, iss: "somebody" })],
  ["no issuer", sign(HS256, { ...payload, iss: undefined })],
  ["no end", sign(HS256, { ...payload, exp: undefined })],
  ["no session", sign(HS256, { ...payload, sid: undefined })],
  ["a session in text", sign(HS256, { ...payload, sid: "9" })],
  ["a user who is no number", sign(HS256, { ...payload, sub: "7; drop" })],
  ["an unknown role", sign(HS256, { ...payload, role: "root" })],
  ["a payload that is no object", sign(HS256, [1])],
  ["no form at all", "eyJ.a.b"],
])("a token with %s is invalid", async (_, token) => {
  expect((await tokens.verify(token)).kind).toBe("invalid");
});

test("an expired token that was forged is invalid, not expired", async () => {
  const forged = sign(HS256, { ...payload, exp: 1 }, "another secret, just as long as the right one");
  expect((await tokens.verify(forged)).kind).toBe("invalid");
});
