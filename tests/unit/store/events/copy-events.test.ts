import { afterAll, beforeAll, expect, test } from "bun:test";
import { CopyFailure, copyEvents, EventRows, openPool, type Sql, whyNotStorable } from "@millrace/store";
import { until } from "../../../support/bus.ts";
import { countRows } from "../../../support/events.ts";
import { reticent } from "../../../support/reticent-sql.ts";
import { type FreshDatabase, freshDatabase } from "../../../support/servers.ts";

const STATEMENT_TIMEOUT_MS = 1_000;

let database: FreshDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  sql = openPool({
    ...{ url: database.url, max: 3, applicationName: "test-copy" },
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
}, 60_000);
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

function row(line: number, overrides: Readonly<Record<string, string>> = {}): Uint8Array {
  const rows = new EventRows(0);
  const minuteMs = Date.UTC(2026, 0, 15, 12);
  rows.begin({ receivedMs: minuteMs, seq: 1, ownerId: 1, correlationId: "c" });
  rows.add({
    ...{ minuteMs, micros: 0, line, type: "t", level: "info", source: "s" },
    ...{ message: "a\tb\\c\nd\r \xc3\xa9", attributes: '{"a":"\\n\\\\"}', id: null },
    ...overrides,
  });
  return rows.bytes;
}
const rowsOf = (count: number) => Array.from({ length: count }, (_, n) => row(n));
const bad = row(0, { attributes: "{not json" });

const copy = (rows: readonly Uint8Array[], pool: Sql = sql) => {
  const whole = Buffer.concat(rows);
  return pool.begin((transaction) =>
    copyEvents(transaction, [whole], async () => void (await transaction`select 1`)),
  );
};
const failureOf = (copying: Promise<unknown>): Promise<unknown> =>
  copying.then(
    () => "stored",
    (error: unknown) => error,
  );

test.each([
  ["in the first row of many megabytes", [bad, ...rowsOf(60_000)]],
  ["in the last row, when all is sent", [...rowsOf(5_000), bad]],
  ["in the only row", [bad]],
])("a refusal %s is told with its own SQLSTATE, and nothing is stored", async (_, rows) => {
  expect(await failureOf(copy(rows))).toMatchObject({ code: "22P02" });
  expect(await countRows(sql, "events")).toBe(0);
  expect(await failureOf(copy(rowsOf(2)))).toBe("stored"); // The connections are well.
  await sql`truncate events`;
});

test("a refusal of the statement that follows is told as well", async () => {
  const copying = sql.begin((transaction) =>
    copyEvents(transaction, rowsOf(3), async () => void (await transaction`select 1 / 0`)),
  );
  expect(await failureOf(copying)).toMatchObject({ code: "22012" });
  expect(await countRows(sql, "events")).toBe(0);
});

test("a COPY that waits for a lock is stopped in time", async () => {
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const other = openPool({ url: database.url, max: 1, applicationName: "test-lock" });
  const locking = other.begin(async (transaction) => {
    await transaction`lock table events in access exclusive mode`;
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  expect(await failureOf(copy(rowsOf(3)))).toMatchObject({ code: "57014" });
  release.resolve();
  await locking;
  await other.end({ timeout: 1 });
});

test("a connection that is ended in the middle fails the COPY, and nothing waits for ever", async () => {
  const copying = failureOf(
    sql.begin((transaction) =>
      copyEvents(transaction, rowsOf(20_000), async () => {
        for (let n = 0; n < 20; n += 1) await transaction`select pg_sleep(0.9)`;
      }),
    ),
  );
  await until("it is ended", async () => {
    const ended = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'test-copy' and pid <> pg_backend_pid() and (query ilike 'copy%' or query like '%sleep(0.9)%')
        and state = 'active'`;
    return ended.length > 0;
  });
  const code = ((await copying) as { code?: string }).code;
  expect(["57P01", "CONNECTION_CLOSED", "ECONNRESET", "EPIPE"]).toContain(code ?? "none");
  expect(await countRows(sql, "events")).toBe(0);
  expect(await failureOf(copy(rowsOf(2)))).toBe("stored");
  await sql`truncate events`;
});

test("when the library hides the reason it is a failure of its own kind, which stores nothing", async () => {
  expect(await failureOf(copy([...rowsOf(100), bad], reticent(sql)))).toBeInstanceOf(CopyFailure);
  expect(await countRows(sql, "events")).toBe(0);
  expect(await failureOf(copy(rowsOf(100), reticent(sql)))).toBe("stored");
  await sql`truncate events`;
});

test("why rows cannot be stored is found without COPY, and nothing is stored", async () => {
  expect(await whyNotStorable(sql, rowsOf(100))).toBeNull();
  expect(await whyNotStorable(sql, [...rowsOf(100), bad])).toContain("json");
  expect(await whyNotStorable(sql, [row(0, { message: "a\0b" })])).toContain("0x00");
  expect(await countRows(sql, "events")).toBe(0);
});
