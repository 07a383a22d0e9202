import { afterAll, beforeAll, expect, test } from "bun:test";
import { REFRESH_GRACE_S, REFRESH_TOKEN_S } from "@millrace/core/limits";
import { type Answer, type ApiUnderTest, signUp, startApi } from "../support/api.ts";

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const refresh = (token: string, from: ApiUnderTest = api) =>
  from.call("POST", "/api/auth/refresh", { body: { refresh_token: token } });
const nextOf = (answer: Answer) => String(answer.body.refresh_token);

test("a refresh token brings new tokens, and so does the next one", async () => {
  const session = await signUp(api.call, "chain@example.org");
  let token = session.refreshToken;
  for (let use = 0; use < 3; use += 1) {
    const answer = await refresh(token);
    expect(answer.status).toBe(200);
    expect(nextOf(answer)).not.toBe(token);
    const access = String(answer.body.access_token);
    expect((await api.call("GET", "/api/auth/me", { token: access })).status).toBe(200);
    token = nextOf(answer);
  }
});

test("a token that comes back after its successor was used ends the session for everybody", async () => {
  const stolen = await signUp(api.call, "stolen@example.org");
  const second = await refresh(stolen.refreshToken);
  const third = await refresh(nextOf(second));
  const thief = await refresh(stolen.refreshToken);
  expect([thief.status, thief.body.code]).toEqual([401, "TOKEN_REUSED"]);

  const owner = await refresh(nextOf(third));
  expect([owner.status, owner.body.code]).toEqual([401, "TOKEN_REUSED"]);
  const access = await api.call("GET", "/api/auth/me", { token: String(third.body.access_token) });
  expect(access.status).toBe(401);
  expect(api.lines).toContainEqual(
    expect.objectContaining({ level: "WARNING", user_id: expect.any(Number) }),
  );
});

test("a lost response is repeated: the same token gives the same successor, in any process", async () => {
  const { refreshToken } = await signUp(api.call, "lost@example.org");
  const first = await refresh(refreshToken);
  api.advance(REFRESH_GRACE_S * 1000);
  const again = await refresh(refreshToken, api.sibling());
  expect(again.status).toBe(200);
  expect(nextOf(again)).toBe(nextOf(first));
  expect((await refresh(nextOf(first))).status).toBe(200);
});

test("two tabs that refresh at the same moment get the same token", async () => {
  const { refreshToken } = await signUp(api.call, "tabs@example.org");
  const [one, two] = await Promise.all([refresh(refreshToken), refresh(refreshToken)]);
  expect([one.status, two.status]).toEqual([200, 200]);
  expect(nextOf(one)).toBe(nextOf(two));
});

test("after the grace, a token that comes back is a copy, even if its successor was never used", async () => {
  const { refreshToken } = await signUp(api.call, "late@example.org");
  await refresh(refreshToken);
  api.advance(REFRESH_GRACE_S * 1000 + 1);
  expect((await refresh(refreshToken)).body.code).toBe("TOKEN_REUSED");
});

test("a session that nobody used for thirty days has expired", async () => {
  const { refreshToken } = await signUp(api.call, "idle@example.org");
  api.advance(REFRESH_TOKEN_S * 1000);
  const expired = await refresh(refreshToken);
  expect([expired.status, expired.body.code]).toEqual([401, "TOKEN_EXPIRED"]);
});

test("a disabled user's session cannot be refreshed", async () => {
  const { refreshToken } = await signUp(api.call, "gone@example.org");
  await api.sql`update users set disabled_at = now() where email = 'gone@example.org'`;
  expect((await refresh(refreshToken)).body.code).toBe("UNAUTHENTICATED");
});

test.each([
  ["an access token", "eyJhbGciOiJIUzI1NiJ9.e30.x"],
  ["random text", "x"],
  ["a token of the right form", `mrr_${"A".repeat(43)}.${"B".repeat(43)}`],
])("%s is no refresh token", async (_, token) => {
  const refused = await refresh(token);
  expect([refused.status, refused.body.code]).toEqual([401, "UNAUTHENTICATED"]);
});

test("whoever knows only the family of a token cannot end its session", async () => {
  const { refreshToken } = await signUp(api.call, "family@example.org");
  const [family] = refreshToken.split(".");
  // The family is half of the secret; with it, a guess counts as reuse, so it must not be derivable from ids.
  expect(family).toMatch(/^mrr_[\w-]{43}$/);
  const [row] = await api.sql<
    { family: Buffer }[]
  >`select family_hash as family from sessions order by session_id desc limit 1`;
  expect(row?.family.length).toBe(32);
  expect(family).not.toContain(row?.family.toString("base64url") ?? "");
});
