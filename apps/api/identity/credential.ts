import { Fault } from "@millrace/core";
import { CREDENTIAL_CHARS_MAX } from "@millrace/core/limits";

/** An access token or an API key; which of them, only its form tells. */
export type Credential = string;

const SCHEME = /^Bearer +/i;
/** Keys and tokens are made of these; everything else is refused before anything looks at it. */
const CREDENTIAL = /^[\x21-\x7e]+$/;

/**
 * `Authorization: Bearer …`, else `X-API-Key: …`.
 * @returns undefined when neither is there. Throws UNAUTHENTICATED for another scheme and for what cannot be one.
 */
export function readCredential(headers: Headers): Credential | undefined {
  const authorization = headers.get("authorization");
  if (authorization === null) {
    const key = headers.get("x-api-key");
    return key === null ? undefined : requireForm(key);
  }
  if (!SCHEME.test(authorization))
    throw new Fault("UNAUTHENTICATED", "the Authorization header must be: Bearer <access token or API key>");
  return requireForm(authorization.replace(SCHEME, ""));
}

/**
 * What clients of Elasticsearch send: `Basic` with the key as password, `ApiKey` with the key itself or, as they build
 * it from an id and a key, with both in base64. Bearer and X-API-Key as everywhere else.
 */
export function readBulkCredential(headers: Headers): Credential | undefined {
  const [scheme = "", value = ""] = headers.get("authorization")?.split(/ +/) ?? [];
  const named = scheme.toLowerCase();
  if (named === "basic") return requireForm(afterColon(decodeBase64(value)) ?? "");
  if (named === "apikey") return requireForm(afterColon(decodeBase64(value)) ?? value);
  return readCredential(headers);
}

function decodeBase64(text: string): string {
  return Buffer.from(text, "base64").toString("latin1");
}

/** Undefined where there is no colon, or what follows it is no credential: then it was not base64 in the first place. */
function afterColon(text: string): string | undefined {
  const colon = text.indexOf(":");
  const secret = text.slice(colon + 1);
  return colon >= 0 && CREDENTIAL.test(secret) ? secret : undefined;
}

function requireForm(credential: string): Credential {
  if (credential.length > CREDENTIAL_CHARS_MAX || !CREDENTIAL.test(credential))
    throw new Fault("UNAUTHENTICATED", "this is neither an access token nor an API key");
  return credential;
}

/** A JWT has three parts and begins with a JSON object in base64url. No API key has a dot in it. */
export function isAccessToken(credential: Credential): boolean {
  return credential.startsWith("eyJ") && credential.split(".").length === 3;
}
