import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool, type Sql } from "@millrace/store";
import { readServerLoad } from "@millrace/store/server-load";
import { freshDatabase } from "../../support/servers.ts";

let database: Awaited<ReturnType<typeof freshDatabase>>;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 1, applicationName: "millrace-scheduler-measuring" });
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

test("a transaction that is left open shows its age and its connection", async () => {
  const quiet = await readServerLoad(sql);
  expect(quiet.oldestTransactionS).toBe(0);
  const other = openPool({ url: database.url, max: 1, applicationName: "millrace-worker-of-somebody" });
  await other.begin(async (transaction) => {
    await transaction`select 1`;
    const load = await readServerLoad(sql);
    const open = load.connections.filter(({ state }) => state === "idle in transaction");
    expect(open).toEqual([{ application: "millrace-worker", state: "idle in transaction", count: 1 }]);
    expect(load.oldestTransactionS).toBeGreaterThan(0);
    expect(load.connectionsMax).toBeGreaterThan(1);
  });
  await other.end({ timeout: 1 });
});

test("what is not ours is counted under one name", async () => {
  const other = openPool({ url: database.url, max: 1, applicationName: "psql" });
  await other`select 1`;
  const { connections } = await readServerLoad(sql);
  expect(connections.map(({ application }) => application).toSorted()).toEqual([
    "millrace-scheduler-measuring",
    "other",
  ]);
  await other.end({ timeout: 1 });
});
