import type { Role } from "@millrace/core";
import { orStoreFault, type Sql } from "../connect.ts";

export interface User {
  readonly userId: number;
  readonly email: string;
  readonly passwordHash: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

export interface NewUser {
  /** Normalised already: trimmed, lower case. */
  readonly email: string;
  readonly passwordHash: string;
  readonly role: Role;
  readonly now: Date;
}

/** @returns undefined when the email is taken. */
export async function insertUser(sql: Sql, user: NewUser): Promise<User | undefined> {
  const rows = await orStoreFault(sql<User[]>`
    insert into users (email, password_hash, role, created_at)
    values (${user.email}, ${user.passwordHash}, ${user.role}, ${user.now})
    on conflict (email) do nothing
    returning ${columns(sql)}`);
  return rows[0];
}

export async function findUserByEmail(sql: Sql, email: string): Promise<User | undefined> {
  const rows = await orStoreFault(sql<User[]>`select ${columns(sql)} from users where email = ${email}`);
  return rows[0];
}

export async function findUser(sql: Sql, userId: number): Promise<User | undefined> {
  const rows = await orStoreFault(sql<User[]>`select ${columns(sql)} from users where user_id = ${userId}`);
  return rows[0];
}

function columns(sql: Sql) {
  return sql`user_id as "userId", email, password_hash as "passwordHash", role,
    created_at as "createdAt", disabled_at as "disabledAt"`;
}
