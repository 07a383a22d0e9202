import { Fault } from "@millrace/core";
import { REFRESH_GRACE_S, REFRESH_TOKEN_S } from "@millrace/core/limits";
import { type RotationResult, rotateSession } from "@millrace/store/identity/index";
import { formatRefreshToken, hashSecret, parseRefreshToken, successorOf } from "../identity/secrets.ts";
import type { Ports } from "../ports.ts";
import type { Tokens } from "./start-session.ts";

export interface Refresh {
  readonly refreshToken: string;
  readonly correlationId: string;
}

/**
 * A new pair of tokens for a refresh token, which is used up by it. Within REFRESH_GRACE_S the used token gives the
 * same pair again, for a client whose response was lost.
 *
 * Throws UNAUTHENTICATED, TOKEN_EXPIRED, or TOKEN_REUSED, upon which the session has ended.
 */
export async function refreshSession(ports: Ports, refresh: Refresh): Promise<Tokens> {
  const token = parseRefreshToken(refresh.refreshToken);
  if (token === undefined) throw new Fault("UNAUTHENTICATED", "this is not a refresh token");
  const successor = successorOf(token, ports.signingSecret);
  const nowMs = ports.nowMs();
  const result = await rotateSession(ports.sql, {
    familyHash: hashSecret(token.family),
    tokenHash: hashSecret(token.secret),
    successorHash: hashSecret(successor.secret),
    now: new Date(nowMs),
    graceMs: REFRESH_GRACE_S * 1000,
    expiresAt: new Date(nowMs + REFRESH_TOKEN_S * 1000),
  });
  const session = requireLive(ports, result, refresh.correlationId);
  const access = await ports.accessTokens.issue(session);
  return {
    accessToken: access.token,
    refreshToken: formatRefreshToken(successor),
    expiresInS: access.expiresInS,
  };
}

type LiveSession = Exclude<RotationResult, { kind: "unknown" }>;

function requireLive(ports: Ports, result: RotationResult, correlationId: string): LiveSession {
  switch (result.kind) {
    case "unknown":
      throw new Fault("UNAUTHENTICATED", "the refresh token is not valid");
    case "ended":
      throw new Fault("UNAUTHENTICATED", "the session has ended; log in again");
    case "expired":
      throw new Fault("TOKEN_EXPIRED", "the session has expired; log in again");
    case "reused":
      ports.identities.forgetSession(result.sessionId);
      ports.log.warning("a used refresh token came back: its session has ended", {
        user_id: result.userId,
        session_id: result.sessionId,
        correlation_id: correlationId,
      });
      throw new Fault(
        "TOKEN_REUSED",
        "this refresh token was used before; the session has ended, log in again",
      );
    default:
      if (result.isDisabled) throw new Fault("UNAUTHENTICATED", "the session has ended; log in again");
      return result;
  }
}
