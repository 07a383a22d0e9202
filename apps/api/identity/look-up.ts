import { Fault, type Identity, isScope, type Scope, weakerRole } from "@millrace/core";
import type { Log } from "@millrace/observe";
import type { Sql } from "@millrace/store";
import { findLiveApiKey, findLiveSession, noteApiKeyUse } from "@millrace/store/identity/index";
import type { AccessTokens } from "./access-tokens.ts";
import { type Credential, isAccessToken } from "./credential.ts";
import type { LookUp } from "./identities.ts";
import { hashSecret } from "./secrets.ts";

/** `last_used_at` is for people who wonder whether a key can go; a write per minute tells them enough. */
const KEY_USE_NOTED_EVERY_MS = 60_000;
/** A database that hangs counts as away. */
const LOOK_UP_MS_MAX = 3_000;

export interface LookUpPorts {
  readonly sql: Sql;
  readonly accessTokens: AccessTokens;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Asks signature and database about a credential. Rejects with STORE_UNAVAILABLE when the database is away. */
export async function lookUpCredential(ports: LookUpPorts, credential: Credential): Promise<LookUp> {
  const asked = isAccessToken(credential) ? lookUpToken(ports, credential) : lookUpKey(ports, credential);
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const fault = new Fault("STORE_UNAVAILABLE", "the database does not answer", { retryAfterS: 1 });
  const timer = setTimeout(() => reject(fault), LOOK_UP_MS_MAX);
  try {
    return await Promise.race([asked, silence]);
  } finally {
    clearTimeout(timer);
  }
}

async function lookUpToken(ports: LookUpPorts, token: string): Promise<LookUp> {
  const verified = await ports.accessTokens.verify(token);
  if (verified.kind === "expired")
    return stranger(new Fault("TOKEN_EXPIRED", "the access token has expired; refresh it"));
  if (verified.kind === "invalid")
    return stranger(new Fault("UNAUTHENTICATED", "the access token is not valid"));
  const { claims, expiresAtMs } = verified;
  const session = await findLiveSession(ports.sql, claims.sessionId, new Date(ports.nowMs()));
  if (session === undefined || session.userId !== claims.userId)
    return stranger(new Fault("UNAUTHENTICATED", "the session has ended; log in again"));
  // The role of today, not the one of fifteen minutes ago.
  const { userId, role } = session;
  const identity: Identity = { userId, role, scopes: "all", via: "jwt", sessionId: claims.sessionId };
  return { kind: "known", identity, expiresAtMs };
}

async function lookUpKey(ports: LookUpPorts, apiKey: string): Promise<LookUp> {
  const nowMs = ports.nowMs();
  const key = await findLiveApiKey(ports.sql, hashSecret(apiKey), new Date(nowMs));
  if (key === undefined) return stranger(new Fault("UNAUTHENTICATED", "the API key is not valid"));
  const olderThan = new Date(nowMs - KEY_USE_NOTED_EVERY_MS);
  if (key.lastUsedAt === null || key.lastUsedAt < olderThan)
    // Nobody waits for it, and losing it loses nothing.
    noteApiKeyUse(ports.sql, key.keyId, { now: new Date(nowMs), olderThan }).catch((error: unknown) =>
      ports.log.debug("the use of an API key was not noted", { key_id: key.keyId, error }),
    );
  const identity: Identity = {
    userId: key.userId,
    role: weakerRole(key.keyRole, key.userRole),
    scopes: scopesOf(key.scopes),
    via: "key",
    keyId: key.keyId,
    keyName: key.name,
  };
  return { kind: "known", identity, expiresAtMs: key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY };
}

/** A scope that this version does not know gives nothing. */
function scopesOf(stored: readonly string[]): ReadonlySet<Scope> | "all" {
  return stored.includes("*") ? "all" : new Set(stored.filter(isScope));
}

function stranger(fault: Fault): LookUp {
  return { kind: "stranger", fault };
}
