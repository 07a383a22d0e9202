import { Fault } from "@millrace/core";
import { findUserByEmail, forgiveLogin } from "@millrace/store/identity/index";
import { normaliseEmail } from "../identity/email.ts";
import { accountSubject, addressSubject, chargeOrRefuse } from "../identity/login-charges.ts";
import type { Ports } from "../ports.ts";
import { startSession, type Tokens } from "./start-session.ts";

export interface Login {
  readonly email: string;
  readonly password: string;
  readonly address: string;
  readonly correlationId: string;
}

/**
 * Throws BAD_CREDENTIALS, in the same words and after the same work whether the email is unknown, the password wrong
 * or the user disabled, and TOO_MANY_REQUESTS while the account or the address is slowed down.
 */
export async function logIn(ports: Ports, login: Login): Promise<Tokens> {
  const email = normaliseEmail(login.email);
  const subjects = [accountSubject(email), addressSubject(login.address)];
  const charges = await chargeOrRefuse(ports, subjects);
  const user = await findUserByEmail(ports.sql, email);
  const isRight = await ports.passwords.verify(login.password, user?.passwordHash);
  const audit = { address: login.address, correlation_id: login.correlationId };
  if (user === undefined || !isRight || user.disabledAt !== null) {
    ports.log.info("login refused", { ...audit, ...(user !== undefined && { user_id: user.userId }) });
    throw new Fault("BAD_CREDENTIALS", "the email or the password is wrong");
  }
  await forgiveLogin(ports.sql, charges);
  const tokens = await startSession(ports, user);
  ports.log.info("user logged in", { ...audit, user_id: user.userId });
  return tokens;
}
