import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  LOGIN_FAILURES_FORGOTTEN_S,
  LOGIN_FAILURES_FREE_ACCOUNT,
  LOGIN_FAILURES_FREE_ADDRESS,
} from "@millrace/core/limits";
import { type ApiUnderTest, PASSWORD, signIn, signUp, startApi } from "../support/api.ts";

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

/** Each test has an account and an address of its own. */
let tests = 0;
let email = "";
beforeEach(async () => {
  tests += 1;
  email = `victim${tests}@example.org`;
  api.comeFrom(`198.51.100.${tests}`);
  await signUp(api.call, email);
});

const guess = (address: string, from: ApiUnderTest = api) => {
  from.comeFrom(address);
  return from.call("POST", "/api/auth/login", { body: { email, password: "a wrong guess" } });
};

async function useUpFreeGuesses(): Promise<void> {
  for (let n = 0; n < LOGIN_FAILURES_FREE_ACCOUNT; n += 1)
    expect((await guess(`203.0.113.${n}`)).status).toBe(401);
}

test("after five wrong passwords, each further one doubles the wait, from whatever address", async () => {
  await useUpFreeGuesses();
  for (const waitS of [1, 2, 4, 8]) {
    expect((await guess("203.0.113.200")).status).toBe(401);
    const blocked = await guess("203.0.113.201");
    expect(blocked.status).toBe(429);
    expect(blocked.body.code).toBe("TOO_MANY_REQUESTS");
    expect(blocked.headers.get("Retry-After")).toBe(String(waitS));
    api.advance(waitS * 1000);
  }
});

test("while the account is slowed down, the right password is refused too, and no sooner", async () => {
  await useUpFreeGuesses();
  await guess("203.0.113.200");
  const early = await api.call("POST", "/api/auth/login", { body: { email, password: PASSWORD } });
  expect(early.status).toBe(429);
  api.advance(1_000);
  await signIn(api.call, email);
});

test("a login that succeeds forgives the account", async () => {
  await useUpFreeGuesses();
  await signIn(api.call, email);
  await useUpFreeGuesses();
});

test("an open session is not slowed down", async () => {
  const { accessToken, refreshToken } = await signIn(api.call, email);
  await useUpFreeGuesses();
  await guess("203.0.113.200");
  expect((await api.call("GET", "/api/auth/me", { token: accessToken })).status).toBe(200);
  const refreshed = await api.call("POST", "/api/auth/refresh", { body: { refresh_token: refreshToken } });
  expect(refreshed.status).toBe(200);
});

test("guesses count over all processes", async () => {
  const other = api.sibling();
  for (let n = 0; n <= LOGIN_FAILURES_FREE_ACCOUNT; n += 1)
    await guess(`203.0.113.${n}`, n % 2 === 0 ? api : other);
  expect((await guess("203.0.113.200")).status).toBe(429);
  expect((await guess("203.0.113.200", other)).status).toBe(429);
});

test("guesses made at the same moment count each other", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => guess(`203.0.113.${n}`)));
  const looked = answers.filter(({ status }) => status === 401);
  expect(looked).toHaveLength(LOGIN_FAILURES_FREE_ACCOUNT + 1);
});

test("one address that tries many accounts is slowed down, and others are not", async () => {
  const address = "203.0.113.99";
  const tryAccount = (n: number) => {
    api.comeFrom(address);
    return api.call("POST", "/api/auth/login", { body: { email: `u${n}@example.com`, password: PASSWORD } });
  };
  for (let n = 0; n <= LOGIN_FAILURES_FREE_ADDRESS; n += 1) expect((await tryAccount(n)).status).toBe(401);
  expect((await tryAccount(500)).status).toBe(429);
  api.comeFrom("203.0.113.100");
  await signIn(api.call, email);
});

test("an IPv6 network of one customer counts as one address", async () => {
  const tryFrom = (n: number) => {
    api.comeFrom(`2001:db8:7:7::${n.toString(16)}`);
    return api.call("POST", "/api/auth/login", {
      body: { email: `six${n}@example.com`, password: PASSWORD },
    });
  };
  for (let n = 0; n <= LOGIN_FAILURES_FREE_ADDRESS; n += 1) expect((await tryFrom(n)).status).toBe(401);
  expect((await tryFrom(500)).status).toBe(429);
});

test("an attacker's own account does not clear their address", async () => {
  const address = "203.0.113.150";
  for (let n = 0; n < LOGIN_FAILURES_FREE_ADDRESS; n += 1) {
    api.comeFrom(address);
    await api.call("POST", "/api/auth/login", { body: { email: `a${n}@example.com`, password: PASSWORD } });
    if (n % 4 === 0) await signIn(api.call, email);
  }
  api.comeFrom(address);
  const last = await api.call("POST", "/api/auth/login", {
    body: { email: "a98@example.com", password: PASSWORD },
  });
  expect(last.status).toBe(401);
  const blocked = await api.call("POST", "/api/auth/login", {
    body: { email: "a99@example.com", password: PASSWORD },
  });
  expect(blocked.status).toBe(429);
});

test("asking for taken emails is slowed down like guessing", async () => {
  api.comeFrom("203.0.113.160");
  const ask = () => api.call("POST", "/api/auth/register", { body: { email, password: PASSWORD } });
  for (let n = 0; n <= LOGIN_FAILURES_FREE_ADDRESS; n += 1) expect((await ask()).status).toBe(409);
  expect((await ask()).status).toBe(429);
});

test("after an hour without a failure the count starts again, and old rows are gone", async () => {
  await useUpFreeGuesses();
  api.advance((LOGIN_FAILURES_FORGOTTEN_S + 1) * 1000);
  await useUpFreeGuesses();
  for (let n = 0; n < 20; n += 1) await signIn(api.call, email);
  const [rows] = await api.sql<{ old: number }[]>`
    select count(*) as old from login_failures
    where last_failed_at < ${new Date(api.ports.nowMs() - LOGIN_FAILURES_FORGOTTEN_S * 1000)}`;
  expect(rows?.old).toBe(0);
});
