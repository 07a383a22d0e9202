import { afterAll, beforeAll, expect, test } from "bun:test";
import { ACCESS_TOKEN_S } from "@millrace/core/limits";
import { type ApiUnderTest, PASSWORD, signIn, signUp, startApi } from "../support/api.ts";

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

test("somebody registers, logs in, and is known by the token", async () => {
  const registered = await api.call("POST", "/api/auth/register", {
    body: { email: "  Ann@Example.ORG ", password: PASSWORD },
  });
  expect(registered.status).toBe(201);
  expect(registered.body).toEqual({
    user_id: expect.any(Number),
    email: "ann@example.org",
    role: "user",
    created_at: "2026-01-15T12:00:00.000Z",
  });

  const login = await api.call("POST", "/api/auth/login", {
    body: { email: "ANN@example.org", password: PASSWORD },
  });
  expect(login.status).toBe(200);
  expect(login.body).toEqual({
    access_token: expect.stringMatching(/^eyJ/),
    refresh_token: expect.stringMatching(/^mrr_/),
    token_type: "Bearer",
    expires_in: ACCESS_TOKEN_S,
  });

  const me = await api.call("GET", "/api/auth/me", { token: String(login.body.access_token) });
  expect(me.status).toBe(200);
  expect(me.body).toEqual({ ...registered.body, scopes: ["*"], via: "jwt" });
});

test("an email is registered once, in whatever spelling", async () => {
  await signUp(api.call, "bob@example.org");
  const again = await api.call("POST", "/api/auth/register", {
    body: { email: "BOB@example.org", password: "another password" },
  });
  expect(again.status).toBe(409);
  expect(again.body.code).toBe("EMAIL_TAKEN");
  await signIn(api.call, "bob@example.org");
});

test.each([
  ["no at sign", "nobody", PASSWORD, "/email"],
  ["white space inside", "a b@example.org", PASSWORD, "/email"],
  ["a control character", "a\u0007@example.org", PASSWORD, "/email"],
  ["a short password", "x1@example.org", "short", "/password"],
  ["nine characters that count as eighteen units", "x2@example.org", "😀😁😂😃😄😅😆😇😈", "/password"],
  ["one character over and over", "x3@example.org", "aaaaaaaaaaaa", "/password"],
  ["the email as password", "x4@example.org", "X4@example.org", "/password"],
  ["a password of 257 characters", "x5@example.org", "ab1-".repeat(65).slice(0, 257), "/password"],
])("registering with %s is refused and names the field", async (_, email, password, path) => {
  const refused = await api.call("POST", "/api/auth/register", { body: { email, password } });
  expect(refused.status).toBe(422);
  expect(refused.body).toMatchObject({ code: "VALIDATION_FAILED", errors: [{ path }] });
  expect(refused.text).not.toContain(password);
});

test("a role cannot be registered: unknown fields are refused by name", async () => {
  const refused = await api.call("POST", "/api/auth/register", {
    body: { email: "eve@example.org", password: PASSWORD, role: "admin" },
  });
  expect(refused.body).toMatchObject({
    code: "VALIDATION_FAILED",
    errors: [{ path: "/role", message: "is not a known field" }],
  });
});

test("a wrong password, an unknown email and a disabled user are told apart by nothing", async () => {
  await signUp(api.call, "carl@example.org");
  await signUp(api.call, "dora@example.org");
  await api.sql`update users set disabled_at = now() where email = 'dora@example.org'`;
  const attempts = [
    { email: "carl@example.org", password: "not the password" },
    { email: "stranger@example.org", password: PASSWORD },
    { email: "dora@example.org", password: PASSWORD },
  ];
  for (const body of attempts) {
    const refused = await api.call("POST", "/api/auth/login", { body });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("WWW-Authenticate")).toBe('Bearer realm="millrace"');
    expect(refused.body).toMatchObject({
      code: "BAD_CREDENTIALS",
      detail: "the email or the password is wrong",
    });
  }
});

test("the same password, composed or decomposed, is the same password", async () => {
  await api.call("POST", "/api/auth/register", {
    body: { email: "zoe@example.org", password: "caf\u00e9 au lait" },
  });
  await signIn(api.call, "zoe@example.org", "cafe\u0301 au lait");
});

test("passwords are kept as argon2id, refresh tokens as hashes", async () => {
  const session = await signUp(api.call, "hash@example.org");
  const [user] = await api.sql<{ hash: string }[]>`
    select password_hash as hash from users where email = 'hash@example.org'`;
  expect(user?.hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  const rows = await api.sql`select * from sessions`;
  const secret = session.refreshToken.split(".")[1] ?? "none";
  expect(JSON.stringify(rows)).not.toContain(secret);
});

test("an access token works for fifteen minutes", async () => {
  const { accessToken } = await signUp(api.call, "time@example.org");
  api.advance(ACCESS_TOKEN_S * 1000 - 1_000);
  expect((await api.call("GET", "/api/auth/me", { token: accessToken })).status).toBe(200);
  api.advance(1_000);
  const expired = await api.call("GET", "/api/auth/me", { token: accessToken });
  expect(expired.status).toBe(401);
  expect(expired.body.code).toBe("TOKEN_EXPIRED");
  expect(expired.headers.get("WWW-Authenticate")).toBe('Bearer realm="millrace", error="invalid_token"');
});

test("after logging out, neither the access token nor the refresh token works", async () => {
  const { accessToken, refreshToken } = await signUp(api.call, "out@example.org");
  expect((await api.call("GET", "/api/auth/me", { token: accessToken })).status).toBe(200);
  const out = await api.call("POST", "/api/auth/logout", { token: accessToken });
  expect([out.status, out.text]).toEqual([204, ""]);
  const after = await api.call("GET", "/api/auth/me", { token: accessToken });
  expect([after.status, after.body.code]).toEqual([401, "UNAUTHENTICATED"]);
  const refresh = await api.call("POST", "/api/auth/refresh", { body: { refresh_token: refreshToken } });
  expect([refresh.status, refresh.body.code]).toEqual([401, "UNAUTHENTICATED"]);
});

test("another process notices a logout within five seconds", async () => {
  const other = api.sibling();
  const { accessToken } = await signUp(api.call, "two@example.org");
  expect((await other.call("GET", "/api/auth/me", { token: accessToken })).status).toBe(200);
  await api.call("POST", "/api/auth/logout", { token: accessToken });
  api.advance(5_000);
  expect((await other.call("GET", "/api/auth/me", { token: accessToken })).status).toBe(401);
});

test("a user can have a hundred sessions; one more ends the oldest", async () => {
  const first = await signUp(api.call, "many@example.org");
  const [user] = await api.sql<
    { id: number }[]
  >`select user_id as id from users where email = 'many@example.org'`;
  await api.sql`insert into sessions (user_id, family_hash, token_hash, created_at, expires_at)
    select ${user?.id ?? 0}, sha256(('f' || n)::bytea), sha256('t'), now(), '2027-01-01' from generate_series(1, 99) n`;
  const last = await signIn(api.call, "many@example.org");
  expect((await api.call("GET", "/api/auth/me", { token: first.accessToken })).status).toBe(401);
  expect((await api.call("GET", "/api/auth/me", { token: last.accessToken })).status).toBe(200);
});

test("the log names users by id, and holds no password, token or email", async () => {
  const { accessToken, refreshToken } = await signUp(api.call, "quiet@example.org");
  await api.call("POST", "/api/auth/login", {
    body: { email: "quiet@example.org", password: "a wrong password" },
  });
  await api.call("GET", "/api/auth/me", { token: accessToken });
  const log = JSON.stringify(api.lines);
  expect(log).toContain('"user logged in"');
  expect(log).toContain('"login refused"');
  for (const secret of [PASSWORD, "a wrong password", accessToken, refreshToken, "quiet@example.org"])
    expect(log).not.toContain(secret);
});
