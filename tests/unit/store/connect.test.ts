import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool, type Sql } from "@millrace/store";
import { freshDatabase } from "../../support/servers.ts";
import { startTcpGate } from "../../support/tcp-gate.ts";

let sql: Sql;
let database: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  database = await freshDatabase();
  sql = openPool({ url: database.url, max: 2, applicationName: "millrace-test", statementTimeoutMs: 200 });
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

test("a bigint is a number, a timestamp a Date, and both go back as they came", async () => {
  const id = 2 ** 53 - 1;
  const time = new Date("2026-01-15T12:00:00.123Z");
  const [row] = await sql<{ id: number; time: Date; ids: number[] }[]>`
    select ${id}::bigint as id, ${time}::timestamptz as time, array[1, 2]::bigint[] as ids`;
  expect(row).toEqual({ id, time, ids: [1, 2] });
});

test("a bigint of 2^53 fails the query instead of being rounded, and the pool stays usable", async () => {
  const query = sql`select 9007199254740993::bigint as id`.then((rows) => rows[0]?.id);
  expect(query).rejects.toThrow("the bigint 9007199254740993 does not fit into a number");
  await query.catch(() => undefined);
  const [row] = await sql<{ one: number }[]>`select 1::bigint as one`;
  expect(row?.one).toBe(1);
});

test("the server knows the pool by its name", async () => {
  const [row] = await sql<{ name: string }[]>`select current_setting('application_name') as name`;
  expect(row?.name).toBe("millrace-test");
});

test("steps that find their rows by key lock them in the order of their ids: no plan goes by the order of the disk", async () => {
  const byKey = openPool({ url: database.url, max: 1, applicationName: "millrace-test", isByKey: true });
  await sql`create table disk_order as select n as seq from generate_series(1, 5000) n order by md5(n::text)`;
  await sql`create unique index on disk_order (seq)`;
  await sql`analyze disk_order`;
  const wanted = Array.from({ length: 300 }, (_, n) => 1 + 16 * n);
  const found = await byKey<
    { seq: number }[]
  >`select seq, ctid from disk_order where seq = any(${wanted}::integer[])`;
  expect(found.map(({ seq }) => seq)).toEqual(wanted);
  await byKey.end({ timeout: 1 });
});

test("a statement that takes too long is cancelled", async () => {
  const slow = sql`select pg_sleep(5)`.then(() => "finished");
  expect(await slow.catch((error: unknown) => error)).toMatchObject({ code: "57014" });
});

test("a server that was away is found again within a second or two, however long it was away", async () => {
  const { hostname: host, port } = new URL(database.url);
  const gate = await startTcpGate({ host, port: Number(port) });
  const url = new URL(database.url);
  url.port = String(gate.port);
  const gated = openPool({ url: url.href, max: 2, applicationName: "millrace-test" });
  await gated`select 1`;
  await gate.shut();
  const fromMs = performance.now();
  while (performance.now() - fromMs < 3_000)
    expect(await gated`select 1`.then(() => "answered").catch(() => "away")).toBe("away");
  await gate.open();
  const openedMs = performance.now();
  await gated`select 1`;
  expect(performance.now() - openedMs).toBeLessThan(2_000);
  await gated.end({ timeout: 1 });
  await gate.shut();
}, 20_000);
