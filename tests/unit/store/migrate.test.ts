import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, openPool } from "@millrace/store";
import { freshDatabase } from "../../support/servers.ts";

let database: Awaited<ReturnType<typeof freshDatabase>>;
let folder: string;
beforeEach(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), "millrace-migrations-"));
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const run = () => migrate(database.url, folder);

async function tables(): Promise<readonly string[]> {
  const sql = openPool({ url: database.url, max: 1, applicationName: "millrace-test" });
  const rows = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' order by tablename`;
  await sql.end();
  return rows.map(({ name }) => name);
}

test("files are applied in order, once", async () => {
  await write("0001_one.sql", "create table one (a int); insert into one values (1);");
  await write("0002_two.sql", "alter table one rename to two;");
  expect(await run()).toEqual({ applied: ["0001_one.sql", "0002_two.sql"] });
  expect(await run()).toEqual({ applied: [] });
  expect(await tables()).toEqual(["schema_migrations", "two"]);
});

test("processes that start at once apply each file once between them", async () => {
  await write("0001_one.sql", "create table one (a int);");
  await write("0002_two.sql", "create table two (a int);");
  const results = await Promise.all(Array.from({ length: 5 }, run));
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual(["0001_one.sql", "0002_two.sql"]);
});

test("a file that fails is rolled back whole, and the ones before it stay", async () => {
  await write("0001_one.sql", "create table one (a int);");
  await write("0002_two.sql", "create table two (a int); select 1 / 0;");
  expect(run()).rejects.toThrow("migration 0002_two.sql failed and was rolled back");
  await run().catch(() => undefined);
  expect(await tables()).toEqual(["one", "schema_migrations"]);
  await write("0002_two.sql", "create table two (a int);");
  expect(await run()).toEqual({ applied: ["0002_two.sql"] });
});

test("a file that was changed after it had been applied is refused by name", async () => {
  await write("0001_one.sql", "create table one (a int);");
  await run();
  await write("0001_one.sql", "create table one (a bigint);");
  expect(await run().catch(String)).toContain(
    "migration 0001_one.sql was changed after this database had applied it",
  );
});

test("a checkout with Windows line ends is the same file", async () => {
  await write("0001_one.sql", "create table one (\n  a int\n);\n");
  await run();
  await write("0001_one.sql", "create table one (\r\n  a int\r\n);\r\n");
  expect(await run()).toEqual({ applied: [] });
});

test("a database that is newer than the code is refused", async () => {
  await write("0001_one.sql", "create table one (a int);");
  await write("0002_two.sql", "create table two (a int);");
  await run();
  await rm(join(folder, "0002_two.sql"));
  expect(await run().catch(String)).toContain(
    "the database is newer than this code: it has migration 0002_two.sql",
  );
});

test.each(["0002_gap.sql", "1_short.sql", "0001-dashes.sql", "0001_Upper.sql"])(
  "a file called %s is refused",
  async (name) => {
    await write(name, "select 1;");
    expect(await run().catch(String)).toContain(`migration ${name} should be number 1`);
  },
);

test("our own files apply to an empty database", async () => {
  const { applied } = await migrate(database.url);
  expect(applied[0]).toBe("0001_identity.sql");
  expect(await migrate(database.url)).toEqual({ applied: [] });
});
