import { jwt } from "@elysiajs/jwt";
import { isRole, type Role } from "@millrace/core";
import { ACCESS_TOKEN_S } from "@millrace/core/limits";

const ISSUER = "millrace";
/** Short for the header `alg`; a token that says anything else, `none` included, does not verify. */
const ALGORITHM = "HS256";

export interface Claims {
  readonly userId: number;
  readonly role: Role;
  readonly sessionId: number;
}

export type Verification =
  | { readonly kind: "valid"; readonly claims: Claims; readonly expiresAtMs: number }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

export interface AccessTokens {
  issue(claims: Claims): Promise<{ readonly token: string; readonly expiresInS: number }>;
  verify(token: string): Promise<Verification>;
}

/** JWTs of ACCESS_TOKEN_S, signed with HMAC-SHA256: `{iss, sub, role, sid, iat, exp}`. */
export function createAccessTokens(secret: string, nowMs: () => number): AccessTokens {
  const { signer } = jwt({ name: "signer", secret, alg: ALGORITHM, iss: ISSUER }).decorator;
  return {
    issue: async ({ userId, role, sessionId }) => {
      const exp = Math.floor(nowMs() / 1000) + ACCESS_TOKEN_S;
      const token = await signer.sign({ sub: String(userId), role, sid: sessionId, exp });
      return { token, expiresInS: ACCESS_TOKEN_S };
    },
    verify: async (token) => {
      // The time is judged below: the library does not tell an expired token from a forged one.
      const currentDate = new Date(0);
      const payload = await signer.verify(token, { algorithms: [ALGORITHM], issuer: ISSUER, currentDate });
      if (payload === false) return { kind: "invalid" };
      return judge(payload, nowMs());
    },
  };
}

function judge(payload: Readonly<Record<string, unknown>>, nowMs: number): Verification {
  const { sub, role, sid, exp } = payload;
  const userId = typeof sub === "string" ? Number(sub) : Number.NaN;
  if (!Number.isSafeInteger(userId) || !Number.isSafeInteger(sid) || typeof sid !== "number")
    return { kind: "invalid" };
  if (typeof role !== "string" || !isRole(role) || typeof exp !== "number") return { kind: "invalid" };
  if (nowMs >= exp * 1000) return { kind: "expired" };
  return { kind: "valid", claims: { userId, role, sessionId: sid }, expiresAtMs: exp * 1000 };
}
