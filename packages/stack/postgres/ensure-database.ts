import { SQL } from "bun";
import { codeOf, StartFailure } from "../start-failure.ts";
import { SUPERUSER } from "./postgres-process.ts";

export interface DatabaseWish {
  readonly port: number;
  readonly superPassword: string;
  /** The database, and the role that owns it. */
  readonly name: string;
  readonly password: string;
  /** May the role make databases of its own? */
  readonly canCreateDatabases?: boolean;
}

export function databaseUrl({ name, password, port }: DatabaseWish, database = name): string {
  return `postgres://${name}:${password}@127.0.0.1:${port}/${database}`;
}

/** Makes the role and its database, if they are not there. The services are no superusers: they need no files and no programs. */
export async function ensureDatabase(wish: DatabaseWish): Promise<void> {
  const url = `postgres://${SUPERUSER}:${wish.superPassword}@127.0.0.1:${wish.port}/postgres`;
  const sql = new SQL({ url, max: 1, connectionTimeout: 10 });
  try {
    const [role] = await sql`select 1 from pg_roles where rolname = ${wish.name}`;
    const rights = wish.canCreateDatabases ? "createdb" : "nocreatedb";
    const verb = role === undefined ? "create" : "alter";
    await sql.unsafe(
      `${verb} role ${quoteName(wish.name)} login ${rights} password ${quoteText(wish.password)}`,
    );
    await sql.unsafe(`grant pg_monitor to ${quoteName(wish.name)}`);
    const [database] = await sql`select 1 from pg_database where datname = ${wish.name}`;
    if (database === undefined)
      await sql.unsafe(`create database ${quoteName(wish.name)} owner ${quoteName(wish.name)}`);
  } catch (cause) {
    if (!isWrongPassword(cause)) throw cause;
    const advice =
      "Its data and secrets.json in MILLRACE_HOME belong together: restore the one that was lost.";
    throw new StartFailure("the embedded PostgreSQL refuses the password in secrets.json", advice, cause);
  } finally {
    await sql.close({ timeout: 1 });
  }
}

/** SQLSTATE 28P01, invalid_password. */
function isWrongPassword(error: unknown): boolean {
  const state = error instanceof Error && "errno" in error ? error.errno : undefined;
  return state === "28P01" || codeOf(error) === "28P01";
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
