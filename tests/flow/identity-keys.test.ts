import { afterAll, beforeAll, expect, test } from "bun:test";
import { ensureAdmin } from "@millrace/api/use-cases/ensure-admin";
import { API_KEYS_PER_USER_MAX, KEY_CACHED_MS } from "@millrace/core/limits";
import {
  ADMIN,
  type ApiUnderTest,
  eventually,
  signIn,
  signInAdmin,
  signUp,
  startApi,
} from "../support/api.ts";

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const makeKey = (token: string, wish: Record<string, unknown>) =>
  api.call("POST", "/api/auth/keys", { token, body: { name: "for a test", scopes: ["*"], ...wish } });
const listKeys = (token: string) => api.call("GET", "/api/auth/keys", { token });
const me = (token: string) => api.call("GET", "/api/auth/me", { token });

test("a key is shown once, works as bearer and as X-API-Key, and is listed without its secret", async () => {
  const { accessToken } = await signUp(api.call, "keys@example.org");
  const made = await makeKey(accessToken, { name: "ci", scopes: ["tasks:read", "tasks:write"] });
  const apiKey = String(made.body.api_key);
  const { api_key: _, ...listed }: Record<string, unknown> = {
    ...made.body,
    last_used_at: "2026-01-15T12:00:00.000Z",
  };
  expect(made.status).toBe(201);
  expect(apiKey).toMatch(/^mrk_[0-9a-f]{16}_[\w-]{43}$/);
  expect(made.body).toMatchObject({
    name: "ci",
    role: "user",
    scopes: ["tasks:read", "tasks:write"],
    expires_at: null,
    last_used_at: null,
  });
  const known = { scopes: ["tasks:read", "tasks:write"], via: "key", email: "keys@example.org" };
  expect((await me(apiKey)).body).toMatchObject(known);
  expect((await api.call("GET", "/api/auth/me", { headers: { "X-API-Key": apiKey } })).body).toMatchObject(
    known,
  );

  await eventually(async () => expect((await listKeys(accessToken)).body.items).toEqual([listed]));
  const list = await listKeys(accessToken);
  expect(list.text).not.toContain(apiKey);
});

test("a key manages keys only with the scope admin, and gives no scope that it lacks", async () => {
  const { accessToken } = await signUp(api.call, "scopes@example.org");
  const plain = String((await makeKey(accessToken, { scopes: ["tasks:read"] })).body.api_key);
  expect((await makeKey(plain, { scopes: ["tasks:read"] })).body).toMatchObject({
    status: 403,
    code: "FORBIDDEN",
  });
  expect((await api.call("GET", "/api/auth/keys", { token: plain })).status).toBe(403);

  const manager = String((await makeKey(accessToken, { scopes: ["admin", "tasks:read"] })).body.api_key);
  expect((await makeKey(manager, { scopes: ["tasks:read"] })).status).toBe(201);
  for (const scopes of [["tasks:write"], ["*"], ["tasks:read", "events:read"]])
    expect((await makeKey(manager, { scopes })).body).toMatchObject({ status: 403, code: "FORBIDDEN" });
});

test("a key gets no role beyond its maker's, and can get a weaker one", async () => {
  const { accessToken } = await signUp(api.call, "roles@example.org");
  expect((await makeKey(accessToken, { role: "operator" })).status).toBe(403);
  const admin = await signInAdmin(api);
  const weak = await makeKey(admin.accessToken, { role: "user" });
  expect((await me(String(weak.body.api_key))).body.role).toBe("user");
  expect((await makeKey(String(weak.body.api_key), { role: "admin" })).status).toBe(403);
  expect((await makeKey(admin.accessToken, {})).body.role).toBe("admin");
});

test("a key never outranks its owner: a demoted owner demotes it", async () => {
  await signUp(api.call, "demoted@example.org");
  await api.sql`update users set role = 'operator' where email = 'demoted@example.org'`;
  const { accessToken } = await signIn(api.call, "demoted@example.org");
  const apiKey = String((await makeKey(accessToken, { role: "operator" })).body.api_key);
  expect((await me(apiKey)).body.role).toBe("operator");
  await api.sql`update users set role = 'user' where email = 'demoted@example.org'`;
  api.advance(KEY_CACHED_MS);
  expect((await me(apiKey)).body.role).toBe("user");
});

test("a deleted key stops working here at once, elsewhere within ten seconds", async () => {
  const { accessToken } = await signUp(api.call, "deleted@example.org");
  const made = await makeKey(accessToken, {});
  const apiKey = String(made.body.api_key);
  const other = api.sibling();
  expect([
    (await me(apiKey)).status,
    (await other.call("GET", "/api/auth/me", { token: apiKey })).status,
  ]).toEqual([200, 200]);
  expect(
    (await api.call("DELETE", `/api/auth/keys/${made.body.key_id}`, { token: accessToken })).status,
  ).toBe(204);
  expect((await me(apiKey)).status).toBe(401);
  api.advance(KEY_CACHED_MS);
  expect((await other.call("GET", "/api/auth/me", { token: apiKey })).status).toBe(401);
});

test("a key expires, to the second", async () => {
  const { accessToken } = await signUp(api.call, "expires@example.org");
  const made = await makeKey(accessToken, { expires_in: 3 });
  const apiKey = String(made.body.api_key);
  expect((await me(apiKey)).status).toBe(200);
  api.advance(2_999);
  expect((await me(apiKey)).status).toBe(200);
  api.advance(1);
  expect((await me(apiKey)).status).toBe(401);
});

test("another user's key does not exist; an administrator can delete it", async () => {
  const owner = await signUp(api.call, "owner@example.org");
  const stranger = await signUp(api.call, "stranger@example.org");
  const { body } = await makeKey(owner.accessToken, {});
  const path = `/api/auth/keys/${body.key_id}`;
  const foreign = await api.call("DELETE", path, { token: stranger.accessToken });
  const absent = await api.call("DELETE", "/api/auth/keys/key_none", { token: stranger.accessToken });
  expect([foreign.status, foreign.body.detail]).toEqual([404, String(absent.body.detail)]);
  const admin = await signInAdmin(api);
  expect((await api.call("DELETE", path, { token: admin.accessToken })).status).toBe(204);
});

test("a user can have fifty keys, also when asking at the same moment", async () => {
  const { accessToken } = await signUp(api.call, "fifty@example.org");
  const wishes = Array.from({ length: API_KEYS_PER_USER_MAX + 5 }, () => makeKey(accessToken, {}));
  const statuses = (await Promise.all(wishes)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(API_KEYS_PER_USER_MAX);
  expect((await makeKey(accessToken, {})).body).toMatchObject({ status: 409, code: "LIMIT_REACHED" });
});

test.each([
  ["an unknown scope", { scopes: ["everything"] }, "/scopes/0"],
  ["no scope", { scopes: [] }, "/scopes"],
  ["no name", { name: "" }, "/name"],
  ["an unknown role", { role: "root" }, "/role"],
  ["an end in the past", { expires_in: 0 }, "/expires_in"],
  ["an unknown field", { owner: 1 }, "/owner"],
])("a key with %s is refused", async (_, wish, path) => {
  const { accessToken } = await signIn(api.call, "keys@example.org");
  const refused = await makeKey(accessToken, wish);
  expect(refused.body).toMatchObject({ status: 422, code: "VALIDATION_FAILED", errors: [{ path }] });
});

test("an API key has no session to log out of", async () => {
  await ensureAdmin(api.ports, ADMIN);
  const refused = await api.call("POST", "/api/auth/logout", { token: ADMIN.apiKey });
  expect(refused.body).toMatchObject({ status: 400, code: "BAD_REQUEST" });
});

test("the use of a key is noted once a minute", async () => {
  const { accessToken } = await signUp(api.call, "noted@example.org");
  const apiKey = String((await makeKey(accessToken, {})).body.api_key);
  const lastUse = async () => {
    const { items } = (await listKeys(accessToken)).body;
    return Array.isArray(items) ? items[0]?.last_used_at : undefined;
  };
  const now = () => new Date(api.ports.nowMs()).toISOString();
  await me(apiKey);
  const first = now();
  await eventually(async () => expect(await lastUse()).toBe(first));
  api.advance(KEY_CACHED_MS * 2);
  await me(apiKey);
  expect(await lastUse()).toBe(first);
  api.advance(60_000);
  await me(apiKey);
  await eventually(async () => expect(await lastUse()).toBe(now()));
});
