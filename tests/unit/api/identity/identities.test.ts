import { expect, test } from "bun:test";
import { Identities, type LookUp } from "@millrace/api/identity/identities";
import { Fault, type Identity } from "@millrace/core";
import {
  IDENTITIES_CACHED_MAX,
  IDENTITY_LOOKUPS_MAX,
  IDENTITY_STALE_MS_MAX,
  KEY_CACHED_MS,
  SESSION_CACHED_MS,
  STRANGER_CACHED_MS,
  STRANGERS_CACHED_MAX,
} from "@millrace/core/limits";

const key = (userId: number): Identity => ({
  userId,
  role: "user",
  scopes: "all",
  via: "key",
  keyId: `key_${userId}`,
});
const session = (userId: number): Identity => ({
  userId,
  role: "user",
  scopes: "all",
  via: "jwt",
  sessionId: userId,
});
const known = (identity: Identity, expiresAtMs = Number.POSITIVE_INFINITY): LookUp => ({
  kind: "known",
  identity,
  expiresAtMs,
});
const stranger: LookUp = { kind: "stranger", fault: new Fault("UNAUTHENTICATED", "no") };

/** Identities over a look-up that a test scripts, and the credentials that were asked for. */
function scripted(answer: (credential: string) => Promise<LookUp>) {
  const clock = { ms: 1_000_000 };
  const asked: string[] = [];
  const identities = new Identities({
    nowMs: () => clock.ms,
    lookUp: (credential) => {
      asked.push(credential);
      return answer(credential);
    },
  });
  return { identities, clock, asked };
}

/** As the door does it. */
async function identify(identities: Identities, credential: string): Promise<Identity> {
  return identities.peek(credential) ?? (await identities.resolve(credential));
}

test.each([
  ["an API key", key(1), KEY_CACHED_MS],
  ["a session", session(1), SESSION_CACHED_MS],
])("%s is asked for once, until its time is over", async (_, identity, cachedMs) => {
  const { identities, clock, asked } = scripted(async () => known(identity));
  await identify(identities, "c");
  clock.ms += cachedMs - 1;
  expect(identities.peek("c")).toEqual(identity);
  expect(asked).toHaveLength(1);
  clock.ms += 1;
  expect(identities.peek("c")).toBeUndefined();
  await identify(identities, "c");
  expect(asked).toHaveLength(2);
});

test("an identity that expires is not trusted to the end of its cache time", async () => {
  const { identities, clock } = scripted(async () => known(key(1), 1_000_100));
  await identify(identities, "c");
  clock.ms = 1_000_099;
  expect(identities.peek("c")).toBeDefined();
  clock.ms = 1_000_100;
  expect(identities.peek("c")).toBeUndefined();
});

test("requests that miss together share one look-up", async () => {
  const { promise, resolve } = Promise.withResolvers<LookUp>();
  const { identities, asked } = scripted(() => promise);
  const waiting = Array.from({ length: 50 }, () => identify(identities, "c"));
  resolve(known(key(1)));
  expect(await Promise.all(waiting)).toHaveLength(50);
  expect(asked).toHaveLength(1);
});

test("a refusal is remembered for two seconds, then asked again", async () => {
  const { identities, clock, asked } = scripted(async () => stranger);
  expect(identify(identities, "c")).rejects.toThrow("no");
  await identify(identities, "c").catch(() => undefined);
  expect(() => identities.peek("c")).toThrow("no");
  expect(asked).toHaveLength(1);
  clock.ms += STRANGER_CACHED_MS;
  expect(identities.peek("c")).toBeUndefined();
});

test("strangers, however many, push out no identity", async () => {
  const { identities, asked } = scripted(async (credential) =>
    credential === "c" ? known(key(1)) : stranger,
  );
  await identify(identities, "c");
  for (let n = 0; n < STRANGERS_CACHED_MAX + 10; n += 1)
    await identify(identities, `x${n}`).catch(() => undefined);
  expect(identities.peek("c")).toBeDefined();
  const before = asked.length;
  await identify(identities, "x0").catch(() => undefined);
  expect(asked.length).toBe(before + 1);
});

test("at most so many identities are remembered", async () => {
  const { identities } = scripted(async (credential) => known(key(Number(credential))));
  for (let n = 0; n <= IDENTITIES_CACHED_MAX; n += 1) await identify(identities, String(n));
  expect(identities.peek("0")).toBeUndefined();
  expect(identities.peek("1")).toBeDefined();
});

test("too many look-ups at once are refused as OVERLOADED, and make room when they end", async () => {
  const { promise, resolve } = Promise.withResolvers<LookUp>();
  const { identities } = scripted(() => promise);
  const waiting = Array.from({ length: IDENTITY_LOOKUPS_MAX }, (_, n) => identities.resolve(String(n)));
  expect(await identities.resolve("one more").catch((error: Fault) => error.code)).toBe("OVERLOADED");
  resolve(known(key(1)));
  await Promise.all(waiting);
  expect(await identities.resolve("one more")).toEqual(key(1));
});

test("while the database is away, a confirmed identity stays good, and no request waits for it twice", async () => {
  let isAway = false;
  const { identities, clock, asked } = scripted(async () => {
    if (isAway) throw new Fault("STORE_UNAVAILABLE", "away");
    return known(key(1));
  });
  await identify(identities, "c");
  isAway = true;
  clock.ms += KEY_CACHED_MS;
  expect(await identify(identities, "c")).toEqual(key(1));
  expect(asked).toHaveLength(2);
  // From here on the answer comes at once, and one look-up runs behind it.
  expect(identities.peek("c")).toEqual(key(1));
  expect(asked).toHaveLength(3);

  clock.ms += IDENTITY_STALE_MS_MAX;
  expect(await identify(identities, "c").catch((error: Fault) => error.code)).toBe("STORE_UNAVAILABLE");
  isAway = false;
  expect(await identify(identities, "c")).toEqual(key(1));
});

test("a failure that is not the database's absence is no reason to trust what was known", async () => {
  let isBroken = false;
  const { identities, clock } = scripted(async () => {
    if (isBroken) throw new Error("a mistake of ours");
    return known(key(1));
  });
  await identify(identities, "c");
  isBroken = true;
  clock.ms += KEY_CACHED_MS;
  expect(identify(identities, "c")).rejects.toThrow("a mistake of ours");
});

test("an identity that was revoked meanwhile is forgotten, not trusted on", async () => {
  let answer = known(key(1));
  const { identities, clock } = scripted(async () => answer);
  await identify(identities, "c");
  answer = stranger;
  clock.ms += KEY_CACHED_MS;
  expect(await identify(identities, "c").catch((error: Fault) => error.code)).toBe("UNAUTHENTICATED");
  expect(() => identities.peek("c")).toThrow("no");
});

test("forgetting a session or a key forgets that one", async () => {
  const { identities } = scripted(async (credential) =>
    known(credential.startsWith("k") ? key(1) : session(1)),
  );
  await identify(identities, "k");
  await identify(identities, "s");
  identities.forgetKey("key_2");
  identities.forgetSession(2);
  expect([identities.peek("k"), identities.peek("s")]).toEqual([key(1), session(1)]);
  identities.forgetSession(1);
  expect([identities.peek("k"), identities.peek("s")]).toEqual([key(1), undefined]);
  identities.forgetKey("key_1");
  expect(identities.peek("k")).toBeUndefined();
});
