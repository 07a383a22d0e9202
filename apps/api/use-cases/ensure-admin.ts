import {
  findLiveApiKey,
  findUserByEmail,
  insertApiKey,
  insertUser,
  type User,
} from "@millrace/store/identity/index";
import { normaliseEmail } from "../identity/email.ts";
import { hashSecret } from "../identity/secrets.ts";
import type { Ports } from "../ports.ts";

export interface AdminWish {
  readonly email: string;
  readonly password: string;
  /** A key with all scopes, for scripts. */
  readonly apiKey: string | undefined;
}

/**
 * Creates the first administrator and their key where they are missing; what exists is left as it is, so a password
 * changed later stays changed. Several processes may do it at once.
 */
export async function ensureAdmin(ports: Ports, wish: AdminWish): Promise<void> {
  const user = await findOrCreate(ports, wish);
  if (user.role !== "admin") {
    ports.log.warning("ADMIN_EMAIL belongs to a user who is no administrator; nothing was changed", {
      user_id: user.userId,
      role: user.role,
    });
    return;
  }
  if (wish.apiKey === undefined) return;
  const keyHash = hashSecret(wish.apiKey);
  if ((await findLiveApiKey(ports.sql, keyHash, new Date(ports.nowMs()))) !== undefined) return;
  const outcome = await insertApiKey(ports.sql, {
    keyId: `key_${Buffer.from(keyHash).toString("hex").slice(0, 16)}`,
    keyHash,
    userId: user.userId,
    name: "made at first start",
    role: "admin",
    scopes: ["*"],
    createdAt: new Date(ports.nowMs()),
    expiresAt: null,
  });
  if (outcome === "limit")
    ports.log.warning("ADMIN_API_KEY was not added: the administrator has too many keys");
}

async function findOrCreate(ports: Ports, wish: AdminWish): Promise<User> {
  const email = normaliseEmail(wish.email);
  const known = await findUserByEmail(ports.sql, email);
  if (known !== undefined) return known;
  const passwordHash = await ports.passwords.hash(wish.password);
  const now = new Date(ports.nowMs());
  const created = await insertUser(ports.sql, { email, passwordHash, role: "admin", now });
  if (created !== undefined) ports.log.info("administrator created", { user_id: created.userId });
  // Another process was faster.
  const user = created ?? (await findUserByEmail(ports.sql, email));
  if (user === undefined) throw new Error("the administrator was deleted while being created");
  return user;
}
