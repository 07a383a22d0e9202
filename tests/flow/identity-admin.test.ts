import { afterAll, beforeAll, expect, test } from "bun:test";
import { ensureAdmin } from "@millrace/api/use-cases/ensure-admin";
import { ADMIN, type ApiUnderTest, signIn, signUp, startApi } from "../support/api.ts";

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

test("several processes that start at once make one administrator and one key", async () => {
  const processes = [api, api.sibling(), api.sibling()];
  await Promise.all(processes.map(({ ports }) => ensureAdmin(ports, ADMIN)));
  await ensureAdmin(api.ports, ADMIN);
  const [counted] = await api.sql<{ users: number; keys: number }[]>`
    select (select count(*) from users where role = 'admin') as users, (select count(*) from api_keys) as keys`;
  expect(counted).toEqual({ users: 1, keys: 1 });
});

test("the administrator can log in, and the key can do everything", async () => {
  const session = await signIn(api.call, ADMIN.email, ADMIN.password);
  expect((await api.call("GET", "/api/auth/me", { token: session.accessToken })).body.role).toBe("admin");
  const byKey = await api.call("GET", "/api/auth/me", { headers: { "X-API-Key": ADMIN.apiKey } });
  expect(byKey.body).toMatchObject({ role: "admin", scopes: ["*"], via: "key" });
});

test("a password that is configured later changes nothing", async () => {
  await ensureAdmin(api.ports, { ...ADMIN, password: "another password" });
  await signIn(api.call, ADMIN.email, ADMIN.password);
});

test("a user who registered with the administrator's email first is not promoted", async () => {
  await signUp(api.call, "first@example.org");
  await ensureAdmin(api.ports, {
    email: "first@example.org",
    password: "irrelevant one",
    apiKey: "key-of-nobody-0123456789",
  });
  const [user] = await api.sql<{ role: string }[]>`select role from users where email = 'first@example.org'`;
  expect(user?.role).toBe("user");
  expect((await api.call("GET", "/api/auth/me", { token: "key-of-nobody-0123456789" })).status).toBe(401);
  expect(api.lines).toContainEqual(expect.objectContaining({ level: "WARNING", role: "user" }));
});
