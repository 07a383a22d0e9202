import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool, type Sql } from "@millrace/store";
import { type CuttingGate, startCuttingGate } from "../../support/cutting-gate.ts";
import { type FreshDatabase, freshDatabase } from "../../support/servers.ts";

const STATEMENT_TIMEOUT_MS = 1_000;

let database: FreshDatabase;
let gate: CuttingGate;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase();
  gate = await startCuttingGate(database.url);
  sql = openPool({
    url: gate.reroute(database.url),
    max: 2,
    applicationName: "millrace-test",
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

async function backendOf(): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

test("a query to a server that vanished without a word fails soon, and as a lost connection", async () => {
  await Promise.all([sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`]); // Both connections stand.
  gate.vanish();
  const fromMs = performance.now();
  const failures = await Promise.all(
    [sql`select 1`, sql`select 2`].map((query) =>
      query.then(() => "answered").catch((error: unknown) => error),
    ),
  );
  for (const failure of failures) expect(failure).toMatchObject({ code: "CONNECTION_CLOSED" });
  expect(performance.now() - fromMs).toBeLessThan(10_000);
  gate.comeBack();
  expect(await backendOf()).toBeGreaterThan(0);
}, 30_000);

test("a query that waits for a server that accepts and says nothing fails soon, too", async () => {
  gate.vanish();
  const other = openPool({
    ...{ url: gate.reroute(database.url), max: 1, applicationName: "millrace-test" },
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const failure = await other`select 1`.then(() => "answered").catch((error: unknown) => error);
  expect(["CONNECT_TIMEOUT", "CONNECTION_CLOSED"]).toContain((failure as { code?: string }).code ?? "none");
  gate.comeBack();
  await other.end({ timeout: 1 });
}, 30_000);

test("a connection without work is not broken, however long it says nothing", async () => {
  const one = openPool({
    ...{ url: gate.reroute(database.url), max: 1, applicationName: "millrace-test" },
    statementTimeoutMs: 100,
  });
  const pid = async (): Promise<unknown> => (await one`select pg_backend_pid() as pid`)[0]?.pid;
  const before = await pid();
  const fromMs = performance.now();
  while (performance.now() - fromMs < 6_000) await Bun.sleep(100); // Twice the silence that is allowed while it owes.
  expect(await pid()).toBe(before);
  await one.end({ timeout: 1 });
}, 30_000);
