import { Fault } from "@millrace/core";
import { forgiveLogin, insertUser, type User } from "@millrace/store/identity/index";
import { normaliseEmail } from "../identity/email.ts";
import { addressSubject, chargeOrRefuse } from "../identity/login-charges.ts";
import { requireGoodPassword } from "../identity/password-rules.ts";
import type { Ports } from "../ports.ts";

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly address: string;
  readonly correlationId: string;
}

/** Throws EMAIL_TAKEN, which is charged to the address like a failed login: it tells that an account exists. */
export async function registerUser(ports: Ports, registration: Registration): Promise<User> {
  const email = normaliseEmail(registration.email);
  requireGoodPassword(registration.password, email);
  const charges = await chargeOrRefuse(ports, [addressSubject(registration.address)]);
  const passwordHash = await ports.passwords.hash(registration.password);
  const now = new Date(ports.nowMs());
  const user = await insertUser(ports.sql, { email, passwordHash, role: "user", now });
  if (user === undefined) throw new Fault("EMAIL_TAKEN", "this email is registered already; log in instead");
  await forgiveLogin(ports.sql, charges);
  ports.log.info("user registered", {
    user_id: user.userId,
    address: registration.address,
    correlation_id: registration.correlationId,
  });
  return user;
}
