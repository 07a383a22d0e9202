import { Fault } from "@millrace/core";
import { LOGIN_FAILURES_FREE_ACCOUNT, LOGIN_FAILURES_FREE_ADDRESS } from "@millrace/core/limits";
import { type Charge, chargeLogin, type Subject } from "@millrace/store/identity/index";
import type { Ports } from "../ports.ts";
import { hashSecret } from "./secrets.ts";

/** The email itself is not stored: people type passwords into email fields. */
export function accountSubject(email: string): Subject {
  const hash = Buffer.from(hashSecret(email)).toString("hex");
  return { subject: `account:${hash}`, free: LOGIN_FAILURES_FREE_ACCOUNT };
}

export function addressSubject(address: string): Subject {
  return { subject: `address:${address}`, free: LOGIN_FAILURES_FREE_ADDRESS };
}

/** Throws TOO_MANY_REQUESTS while a subject is slowed down. What it returns is given back by `forgiveLogin`. */
export async function chargeOrRefuse(
  ports: Pick<Ports, "sql" | "nowMs">,
  subjects: readonly Subject[],
): Promise<readonly Charge[]> {
  const now = new Date(ports.nowMs());
  const result = await chargeLogin(ports.sql, subjects, now);
  if (result.kind === "charged") return result.charges;
  const retryAfterS = Math.max(1, (result.until.getTime() - now.getTime()) / 1000);
  throw new Fault("TOO_MANY_REQUESTS", "too many failed attempts; wait before the next one", { retryAfterS });
}
