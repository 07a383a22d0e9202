import { Fault, type Identity } from "@millrace/core";
import { findUser, type User } from "@millrace/store/identity/index";
import type { Ports } from "../ports.ts";

/** The user behind an identity. Throws UNAUTHENTICATED when the user was deleted a moment ago. */
export async function showUser(ports: Pick<Ports, "sql">, identity: Identity): Promise<User> {
  const user = await findUser(ports.sql, identity.userId);
  if (user === undefined) throw new Fault("UNAUTHENTICATED", "the user does not exist any more");
  return user;
}
