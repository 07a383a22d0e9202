import { afterAll, beforeAll, expect, test } from "bun:test";
import { IDENTITY_STALE_MS_MAX, KEY_CACHED_MS } from "@millrace/core/limits";
import { ADMIN, type ApiUnderTest, PASSWORD, signInAdmin, startApi } from "../support/api.ts";
import { startTcpGate, type TcpGate } from "../support/tcp-gate.ts";

let api: ApiUnderTest;
let gate: TcpGate;

beforeAll(async () => {
  api = await startApi({
    checks: { postgres: async () => void (await api.sql`select 1`) },
    reroute: async (databaseUrl) => {
      const url = new URL(databaseUrl);
      gate = await startTcpGate({ host: url.hostname, port: Number(url.port) });
      url.port = String(gate.port);
      return url.href;
    },
  });
});
afterAll(async () => {
  await gate.open();
  await api.close();
  await gate.shut();
});

test("while the database is away, what needs it is told so, and identities it confirmed stay good for a while", async () => {
  const { accessToken } = await signInAdmin(api);
  // `/api/auth/logout` with a key asks nothing of the database but the identity.
  const byKey = () => api.call("POST", "/api/auth/logout", { token: ADMIN.apiKey });
  expect((await byKey()).status).toBe(400);

  await gate.shut();
  const login = await api.call("POST", "/api/auth/login", {
    body: { email: "x@example.org", password: PASSWORD },
  });
  expect([login.status, login.body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
  expect(login.headers.get("Retry-After")).toBe("1");
  expect((await api.call("GET", "/api/auth/me", { token: accessToken })).status).toBe(503);
  expect((await api.call("GET", "/api/auth/me", { token: "a-key-never-seen" })).body.code).toBe(
    "STORE_UNAVAILABLE",
  );
  const ready = await api.call("GET", "/health/ready");
  expect([ready.status, ready.body.status]).toEqual([503, "not_ready"]);
  expect(ready.body.checks).toMatchObject({ postgres: { status: "down" } });
  expect((await api.call("GET", "/health/live")).status).toBe(200);

  api.advance(KEY_CACHED_MS);
  expect((await byKey()).status).toBe(400);
  api.advance(IDENTITY_STALE_MS_MAX);
  expect((await byKey()).status).toBe(503);

  await gate.open();
  expect((await byKey()).status).toBe(400);
}, 30_000);
