import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { isAlive, markOf } from "@millrace/stack/process-mark";
import { SQL } from "bun";
import { connect } from "nats";
import { freshDatabase, startNats, startPostgres, tempHome } from "../../support/servers.ts";

function credentials(url: string): { servers: string; user: string; pass: string } {
  const { host, username, password } = new URL(url);
  return { servers: host, user: username, pass: password };
}

async function scalar(url: string, statement: string): Promise<unknown> {
  const sql = new SQL({ url, max: 1 });
  try {
    const [row] = await sql.unsafe(statement);
    return row?.value;
  } finally {
    await sql.close({ timeout: 1 });
  }
}

test("NATS refuses clients without the password", async () => {
  const nats = await startNats();
  const { servers } = credentials(nats.url);
  await expect(connect({ servers, reconnect: false })).rejects.toThrow(/authorization/i);
  const connection = await connect(credentials(nats.url));
  await connection.close();
  await nats.stop();
});

test("NATS comes back on the same port after it was killed", async () => {
  const nats = await startNats({ user: "other" });
  const mark = markOf(nats.pid);
  await nats.kill9();
  expect(mark && isAlive(mark)).toBe(false);
  await nats.restart();
  const connection = await connect(credentials(nats.url));
  await connection.close();
  const varz = await (await fetch(`${nats.monitorUrl}/jsz`)).json();
  expect(varz).toMatchObject({ config: { sync_always: true } });
  await nats.stop();
});

test("each fresh database is empty, whatever the others hold", async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
  await scalar(one.url, "create table mine (id int)");
  expect(await scalar(two.url, "select to_regclass('mine') as value")).toBeNull();
  await one.drop();
  await expect(scalar(one.url, "select 1 as value")).rejects.toThrow(/does not exist/);
});

test("a migrated database has the schema, and copies do not share rows", async () => {
  const [one, two] = await Promise.all([
    freshDatabase({ migrated: true }),
    freshDatabase({ migrated: true }),
  ]);
  expect(await scalar(one.url, "select count(*)::int as value from schema_migrations")).toBeGreaterThan(0);
  await scalar(one.url, "create table mine (id int)");
  expect(await scalar(two.url, "select to_regclass('mine') as value")).toBeNull();
});

test("PostgreSQL keeps what was committed when it is killed, and comes back on the same port", async () => {
  const postgres = await startPostgres();
  await scalar(postgres.url, "create table kept as select 7 as id");
  await postgres.kill9();
  await expect(scalar(postgres.url, "select 1 as value")).rejects.toThrow();
  await postgres.restart();
  expect(await scalar(postgres.url, "select id as value from kept")).toBe(7);
  expect(await scalar(postgres.url, "select current_setting('fsync') as value")).toBe("on");
  expect(await scalar(postgres.url, "select current_setting('jit') as value")).toBe("off");
  await postgres.stop();
});

test("a temporary home is an empty folder", async () => {
  const home = await tempHome();
  expect(existsSync(home)).toBe(true);
});
