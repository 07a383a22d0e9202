import { createHmac, timingSafeEqual } from "node:crypto";
import type { Lane } from "@millrace/core";
import type { Lease } from "@millrace/store";

/** What a lease token says. It is the proof that its bearer was given this very attempt. */
export interface LeaseClaim extends Lease {
  readonly taskId: string;
  /** Who leased it. */
  readonly userId: number;
  /** For whoever is told of its end. */
  readonly taskType: string;
  readonly lane: Lane;
  readonly priority: number;
}

const PREFIX = "mrl_";

/**
 * Signed and not stored: any api process can verify it, and whether it still holds is asked of the claim itself. Opaque to
 * clients; its content is no secret.
 */
export function signLease(claim: LeaseClaim, signingSecret: string): string {
  const content = Buffer.from(JSON.stringify(claim)).toString("base64url");
  return `${PREFIX}${content}.${macOf(content, signingSecret)}`;
}

/** Null for whatever was not signed here. */
export function readLease(token: string, signingSecret: string): LeaseClaim | null {
  const [content = "", mac = "", ...rest] = token.slice(PREFIX.length).split(".");
  if (!token.startsWith(PREFIX) || rest.length > 0) return null;
  const wanted = Buffer.from(macOf(content, signingSecret));
  const given = Buffer.from(mac);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
  // What we have signed is what we have written.
  return JSON.parse(Buffer.from(content, "base64url").toString()) as LeaseClaim;
}

function macOf(content: string, signingSecret: string): string {
  return createHmac("sha256", `lease-token:${signingSecret}`).update(content).digest("base64url");
}
