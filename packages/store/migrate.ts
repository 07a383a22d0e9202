import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openPool, type Sql } from "./connect.ts";

/** Any constant: it only has to differ from the locks of other programs in the same database. */
const MIGRATION_LOCK = 7_204_118_115;
/** How long a process waits for another one that migrates at the same time. */
const LOCK_TIMEOUT_MS = 120_000;
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Brings the database to the newest schema: each numbered file in a transaction of its own, in order, once.
 * Several processes may call it at once; one works and the others wait for it.
 *
 * @returns the names of the files that this call applied.
 * @throws when a file was changed after it had been applied, when files are missing, when the database is newer than
 *   this code, or when a file fails (it is rolled back, the ones before it stay).
 */
export async function migrate(
  databaseUrl: string,
  folder: string = join(import.meta.dirname, "migrations"),
): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(folder);
  const sql = openPool({ url: databaseUrl, max: 1, applicationName: "millrace-migrate" });
  try {
    await sql`select set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, false)`;
    await sql`select pg_advisory_lock(${MIGRATION_LOCK}::bigint)`; // Let go with the connection.
    await sql`create table if not exists schema_migrations (
      version integer primary key, name text not null, checksum text not null,
      applied_at timestamptz not null default now())`;
    const done = await sql<Applied[]>`select version, name, checksum from schema_migrations order by version`;
    requireAgreement(migrations, done);
    const open = migrations.slice(done.length);
    for (const migration of open) await apply(sql, migration);
    return { applied: open.map(({ name }) => name) };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const version = Number(FILE_NAME.exec(name)?.[1]);
      if (version !== index + 1)
        throw new Error(
          `migration ${name} should be number ${index + 1}: numbers are four digits without gaps`,
        );
      // A checkout with Windows line ends is the same migration.
      const text = (await readFile(join(folder, name), "utf8")).replaceAll("\r\n", "\n");
      return { version, name, text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}

function requireAgreement(migrations: readonly Migration[], done: readonly Applied[]): void {
  for (const [index, applied] of done.entries()) {
    const known = migrations[index];
    if (known === undefined)
      throw new Error(
        `the database is newer than this code: it has migration ${applied.name}, and this code knows only ${migrations.length}; deploy the newer code`,
      );
    if (applied.version !== known.version)
      throw new Error(
        `the database has migration ${applied.name} but lacks ${known.name}, which comes before it`,
      );
    if (applied.checksum !== known.checksum)
      throw new Error(
        `migration ${known.name} was changed after this database had applied it (as ${applied.name}); restore the file and put the change into a new one`,
      );
  }
}

async function apply(sql: Sql, migration: Migration): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(migration.text);
      await tx`insert into schema_migrations (version, name, checksum)
        values (${migration.version}, ${migration.name}, ${migration.checksum})`;
    });
  } catch (error) {
    throw new Error(`migration ${migration.name} failed and was rolled back`, { cause: error });
  }
}
