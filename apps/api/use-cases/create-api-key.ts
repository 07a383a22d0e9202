import { Fault, hasRole, hasScope, type Identity, isScope, type Role } from "@millrace/core";
import { API_KEYS_PER_USER_MAX } from "@millrace/core/limits";
import { type ApiKey, insertApiKey } from "@millrace/store/identity/index";
import { hashSecret, newApiKey } from "../identity/secrets.ts";
import type { Ports } from "../ports.ts";

export interface ApiKeyWish {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The creator's own role when absent. */
  readonly role: Role | undefined;
  /** Undefined: until it is deleted. */
  readonly expiresInS: number | undefined;
  readonly correlationId: string;
}

/**
 * Makes a key that can do at most what its creator can. The key itself is in the answer and nowhere else.
 * Throws FORBIDDEN for more, LIMIT_REACHED beyond API_KEYS_PER_USER_MAX.
 */
export async function createApiKey(
  ports: Ports,
  identity: Identity,
  wish: ApiKeyWish,
): Promise<{ readonly key: ApiKey; readonly apiKey: string }> {
  const role = wish.role ?? identity.role;
  if (!hasRole(identity, role)) throw new Fault("FORBIDDEN", `a key with the role ${role} needs that role`);
  for (const scope of wish.scopes) requireGrantable(identity, scope);
  const { keyId, apiKey } = newApiKey();
  const nowMs = ports.nowMs();
  const key: ApiKey = {
    keyId,
    userId: identity.userId,
    name: wish.name,
    role,
    scopes: [...new Set(wish.scopes)],
    createdAt: new Date(nowMs),
    expiresAt: wish.expiresInS === undefined ? null : new Date(nowMs + wish.expiresInS * 1000),
    lastUsedAt: null,
  };
  const outcome = await insertApiKey(ports.sql, { ...key, keyHash: hashSecret(apiKey) });
  if (outcome === "limit")
    throw new Fault("LIMIT_REACHED", `a user can have ${API_KEYS_PER_USER_MAX} API keys; delete one first`);
  if (outcome === "exists") throw new Error("a new random key exists already");
  ports.log.info("API key created", {
    user_id: identity.userId,
    key_id: keyId,
    scopes: key.scopes,
    role,
    correlation_id: wish.correlationId,
  });
  return { key, apiKey };
}

function requireGrantable(identity: Identity, scope: string): void {
  const isHeld = scope === "*" ? identity.scopes === "all" : isScope(scope) && hasScope(identity, scope);
  if (!isHeld) throw new Fault("FORBIDDEN", `a key with the scope ${scope} needs that scope`);
}
