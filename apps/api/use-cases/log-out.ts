import { Fault, type Identity } from "@millrace/core";
import { endSession } from "@millrace/store/identity/index";
import type { Ports } from "../ports.ts";

/**
 * Ends the session: its refresh token and its access tokens stop working, here at once, in other API processes within
 * SESSION_CACHED_MS. Throws BAD_REQUEST for an API key, which has no session.
 */
export async function logOut(ports: Ports, identity: Identity, correlationId: string): Promise<void> {
  if (identity.sessionId === undefined)
    throw new Fault("BAD_REQUEST", "an API key has no session to end; delete the key instead");
  await endSession(ports.sql, identity.sessionId, new Date(ports.nowMs()));
  ports.identities.forgetSession(identity.sessionId);
  ports.log.info("user logged out", { user_id: identity.userId, correlation_id: correlationId });
}
