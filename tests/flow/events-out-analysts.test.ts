import { afterAll, beforeAll, expect, test } from "bun:test";
import { QueryGate } from "@millrace/api/events-query/query-gate";
import { EVENT_QUERIES_WAITING_MAX } from "@millrace/core/limits";
import { openPool, type Sql } from "@millrace/store";
import { countRows, eventOf, recordLines } from "../support/events.ts";
import { type FreshDatabase, freshDatabase } from "../support/servers.ts";

const TIMEOUT_MS = 1_500;
const AT_ONCE = 3;

let database: FreshDatabase;
let own: Sql;
let querySql: Sql;
let gate: QueryGate;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  own = openPool({ url: database.url, max: 3, applicationName: "test-ingest" });
  querySql = openPool({
    ...{ url: database.url, max: AT_ONCE, statementTimeoutMs: TIMEOUT_MS },
    applicationName: "test-queries",
  });
  gate = new QueryGate(querySql, { atOnce: AT_ONCE });
}, 60_000);
afterAll(async () => {
  await Promise.all([own, querySql].map((pool) => pool.end({ timeout: 1 })));
  await database.drop();
});

/** A query that would take for ever, and keeps a core busy meanwhile. */
const heavy = () =>
  gate.run((sql) => sql`select count(*) from generate_series(1, 1000000000) a, generate_series(1, 1000) b`);
const codeOf = (error: unknown) => (error instanceof Error && "code" in error ? error.code : String(error));

test("as many heavy queries as anybody likes: three at a time, each stopped in time, those beyond the queue refused at once, and ingest goes on beside them", async () => {
  const beyond = 10;
  const fromMs = performance.now();
  const codes: unknown[] = [];
  const queries = Array.from({ length: AT_ONCE + EVENT_QUERIES_WAITING_MAX + beyond }, async () => {
    const code = await heavy().then(() => "answered", codeOf);
    codes.push(code);
    return { code, atMs: performance.now() - fromMs };
  });
  await Promise.all(queries.slice(-beyond));
  expect(codes).toEqual(Array.from({ length: beyond }, () => "OVERLOADED"));

  let busiest = 0;
  let seq = 0;
  while (codes.length < beyond + AT_ONCE) {
    seq += 1;
    const lines = Array.from({ length: 200 }, (_, n) => eventOf(n));
    await recordLines(own, { seq, owner: 1, at: Date.now(), lines });
    const [row] = await own<{ n: number }[]>`
      select count(*)::integer as n from pg_stat_activity where application_name = 'test-queries' and state = 'active'`;
    busiest = Math.max(busiest, row?.n ?? 0);
  }
  expect(busiest).toBe(AT_ONCE);
  expect(seq).toBeGreaterThan(3); // Stored while every query connection was busy.
  expect(await countRows(own, "events")).toBe(seq * 200);
  const ended = await Promise.all(queries.slice(0, AT_ONCE));
  for (const { code } of ended) expect(code).toBe("QUERY_TOO_EXPENSIVE");
  await own`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-queries'`;
  await Promise.all(queries);
  expect(await gate.run((sql) => sql`select 1 as one`)).toMatchObject([{ one: 1 }]);
}, 60_000);
