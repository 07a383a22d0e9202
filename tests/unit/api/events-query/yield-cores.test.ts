import { afterAll, beforeAll, expect, test } from "bun:test";
import { getPriority } from "node:os";
import { yieldCores } from "@millrace/api/events-query/yield-cores";
import { openPool, type Sql } from "@millrace/store";
import { freshDatabase } from "../../../support/servers.ts";

const POOL = { max: 1, applicationName: "analysts" };

let analysts: Sql;
let others: Sql;
beforeAll(async () => {
  const { url } = await freshDatabase();
  analysts = openPool({ url, ...POOL });
  others = openPool({ url, max: 1, applicationName: "intake" });
}, 60_000);
afterAll(async () => {
  await Promise.all([analysts.end(), others.end()]);
});

async function pidOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

test("the processes of the pool give way, those of others do not", async () => {
  const [yielding, working] = [await pidOf(analysts), await pidOf(others)];
  const before = getPriority(working);
  await yieldCores({ ...{ sql: analysts, ...POOL }, niceness: 10, nowMs: () => 0 })();
  expect(getPriority(yielding)).toBe(10);
  expect(getPriority(working)).toBe(before);
});

test("a process is told once, and looked for at most once a second", async () => {
  const told: number[] = [];
  let nowMs = 0;
  const giveWay = yieldCores({
    ...{ sql: analysts, ...POOL, niceness: 7, nowMs: () => nowMs },
    ...{ isPostgres: () => true, renice: (pid: number) => void told.push(pid) },
  });
  await giveWay();
  nowMs = 999;
  await giveWay();
  nowMs = 2_500;
  await giveWay();
  expect(told).toEqual([await pidOf(analysts)]);
});

test("a process that is none of PostgreSQL's is left alone", async () => {
  const pool = { sql: analysts, ...POOL, niceness: 7 };
  const told: number[] = [];
  const renice = (pid: number) => void told.push(pid);
  await yieldCores({ ...pool, nowMs: () => 0, isPostgres: () => false, renice })();
  expect(told).toEqual([]);
});
