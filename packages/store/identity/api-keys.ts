import type { Role } from "@millrace/core";
import { API_KEYS_PER_USER_MAX } from "@millrace/core/limits";
import { orStoreFault, type Sql } from "../connect.ts";

export interface ApiKey {
  readonly keyId: string;
  readonly userId: number;
  readonly name: string;
  readonly role: Role;
  /** Scope names, or `*`. */
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  /** Exact to about a minute. */
  readonly lastUsedAt: Date | null;
}

export type NewApiKey = Omit<ApiKey, "lastUsedAt"> & { readonly keyHash: Uint8Array };

/** "exists": a key with this id or secret is there already. "limit": the user has API_KEYS_PER_USER_MAX keys. */
export async function insertApiKey(sql: Sql, key: NewApiKey): Promise<"inserted" | "exists" | "limit"> {
  return orStoreFault(
    sql.begin(async (tx) => {
      // The lock makes two inserts of one user count each other.
      await tx`select 1 from users where user_id = ${key.userId} for no key update`;
      const [held] = await tx<{ keys: number }[]>`
        select count(*) as keys from api_keys where user_id = ${key.userId}`;
      if (held !== undefined && held.keys >= API_KEYS_PER_USER_MAX) return "limit";
      const inserted = await tx`
        insert into api_keys (key_id, user_id, name, key_hash, role, scopes, created_at, expires_at)
        values (${key.keyId}, ${key.userId}, ${key.name}, ${key.keyHash}, ${key.role}, ${[...key.scopes]},
          ${key.createdAt}, ${key.expiresAt})
        on conflict do nothing`;
      return inserted.count > 0 ? "inserted" : "exists";
    }),
  );
}

/** Newest first; bounded by API_KEYS_PER_USER_MAX. */
export async function listApiKeys(sql: Sql, userId: number): Promise<readonly ApiKey[]> {
  return orStoreFault(sql<ApiKey[]>`
    select key_id as "keyId", user_id as "userId", name, role, scopes, created_at as "createdAt",
      expires_at as "expiresAt", last_used_at as "lastUsedAt"
    from api_keys where user_id = ${userId} order by created_at desc, key_id`);
}

/** @param ownerId null deletes whoever the key belongs to. */
export async function deleteApiKey(sql: Sql, keyId: string, ownerId: number | null): Promise<boolean> {
  const deleted = await orStoreFault(sql`
    delete from api_keys where key_id = ${keyId} and (${ownerId}::bigint is null or user_id = ${ownerId})`);
  return deleted.count > 0;
}

export interface LiveApiKey {
  readonly keyId: string;
  readonly name: string;
  readonly userId: number;
  readonly keyRole: Role;
  readonly userRole: Role;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** @returns undefined when there is no such key, it has expired, or its user was disabled. */
export async function findLiveApiKey(
  sql: Sql,
  keyHash: Uint8Array,
  now: Date,
): Promise<LiveApiKey | undefined> {
  const rows = await orStoreFault(sql<LiveApiKey[]>`
    select k.key_id as "keyId", k.name, k.user_id as "userId", k.role as "keyRole", u.role as "userRole", k.scopes,
      k.expires_at as "expiresAt", k.last_used_at as "lastUsedAt"
    from api_keys k join users u using (user_id)
    where k.key_hash = ${keyHash} and u.disabled_at is null and (k.expires_at is null or k.expires_at > ${now})`);
  return rows[0];
}

/** Writes only when the time stored is older than `olderThan`: several processes may note the same use. */
export async function noteApiKeyUse(
  sql: Sql,
  keyId: string,
  use: { readonly now: Date; readonly olderThan: Date },
): Promise<void> {
  await orStoreFault(sql`
    update api_keys set last_used_at = ${use.now}
    where key_id = ${keyId} and (last_used_at is null or last_used_at < ${use.olderThan})`);
}
