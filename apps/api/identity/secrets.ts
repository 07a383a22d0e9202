import { createHash, createHmac, randomBytes } from "node:crypto";

/** Random tokens of 256 bits need no salt and no slow hash: nobody guesses them. */
export function hashSecret(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

const REFRESH_TOKEN = /^mrr_([\w-]{43})\.([\w-]{43})$/;

/** `mrr_<family>.<secret>`: the family finds the session and never changes, the secret changes with every use. */
export interface RefreshToken {
  readonly family: string;
  readonly secret: string;
}

export function newRefreshToken(): RefreshToken {
  return { family: randomText(), secret: randomText() };
}

export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, family, secret] = REFRESH_TOKEN.exec(text) ?? [];
  return family === undefined || secret === undefined ? undefined : { family, secret };
}

export function formatRefreshToken({ family, secret }: RefreshToken): string {
  return `mrr_${family}.${secret}`;
}

/**
 * Derived, not drawn: whoever presents the same token twice within the grace gets the same successor, although only
 * hashes are stored. Without the server's key nobody can compute it.
 */
export function successorOf(token: RefreshToken, signingSecret: string): RefreshToken {
  const secret = createHmac("sha256", `refresh-token-successor:${signingSecret}`)
    .update(`${token.family}.${token.secret}`)
    .digest("base64url");
  return { family: token.family, secret };
}

/** `mrk_<id>_<secret>`: the id is public and stands in lists and logs; secret scanners know the prefix. */
export function newApiKey(): { readonly keyId: string; readonly apiKey: string } {
  const keyId = `key_${randomBytes(8).toString("hex")}`;
  return { keyId, apiKey: `mrk_${keyId.slice(4)}_${randomText()}` };
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
