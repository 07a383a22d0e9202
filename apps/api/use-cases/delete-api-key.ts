import { Fault, hasRole, type Identity } from "@millrace/core";
import { deleteApiKey as deleteKeyRow } from "@millrace/store/identity/index";
import type { Ports } from "../ports.ts";

/**
 * The key stops working, here at once, in other API processes within KEY_CACHED_MS. Administrators can delete anybody's.
 * Throws NOT_FOUND, also for another user's key.
 */
export async function deleteApiKey(
  ports: Ports,
  identity: Identity,
  wish: { readonly keyId: string; readonly correlationId: string },
): Promise<void> {
  const { keyId, correlationId } = wish;
  const ownerId = hasRole(identity, "admin") ? null : identity.userId;
  if (!(await deleteKeyRow(ports.sql, keyId, ownerId))) throw new Fault("NOT_FOUND", "no such API key");
  ports.identities.forgetKey(keyId);
  ports.log.info("API key deleted", {
    user_id: identity.userId,
    key_id: keyId,
    correlation_id: correlationId,
  });
}
