import type { Role } from "@millrace/core";
import { REFRESH_TOKEN_S } from "@millrace/core/limits";
import { openSession } from "@millrace/store/identity/index";
import { formatRefreshToken, hashSecret, newRefreshToken } from "../identity/secrets.ts";
import type { Ports } from "../ports.ts";

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInS: number;
}

export async function startSession(
  ports: Pick<Ports, "sql" | "nowMs" | "accessTokens">,
  user: { readonly userId: number; readonly role: Role },
): Promise<Tokens> {
  const { userId, role } = user;
  const token = newRefreshToken();
  const nowMs = ports.nowMs();
  const { sessionId } = await openSession(ports.sql, {
    userId,
    familyHash: hashSecret(token.family),
    tokenHash: hashSecret(token.secret),
    now: new Date(nowMs),
    expiresAt: new Date(nowMs + REFRESH_TOKEN_S * 1000),
  });
  const access = await ports.accessTokens.issue({ userId, role, sessionId });
  return {
    accessToken: access.token,
    refreshToken: formatRefreshToken(token),
    expiresInS: access.expiresInS,
  };
}
