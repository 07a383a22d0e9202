import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openPool, type Sql } from "@millrace/store";
import { recordLines } from "../../../support/events.ts";
import { type FreshDatabase, freshDatabase } from "../../../support/servers.ts";

const README = new URL("../../../../packages/store/events/README.md", import.meta.url);
const text = await Bun.file(README).text();
const queries = [...text.matchAll(/\n([^\n]+):\n\n```sql\n([\s\S]*?)```/g)].map((match) => ({
  title: match[1] ?? "",
  sql: match[2] ?? "",
}));

let database: FreshDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 2, applicationName: "test" });
  const now = Date.now();
  const ago = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();
  const user = { user: "u-1" };
  await recordLines(sql, {
    ...{ seq: 1, owner: 1, at: now },
    lines: [
      {
        type: "http.request",
        timestamp: ago(5),
        message: "GET /",
        attributes: { path: "/", duration_ms: 12.5 },
      },
      {
        type: "http.request",
        timestamp: ago(4),
        level: "error",
        message: "GET /x",
        attributes: { path: "/x", duration_ms: 900 },
      },
      { type: "user.login", timestamp: ago(3), message: "in", attributes: user },
      { type: "user.login", timestamp: ago(24 * 60), message: "in", attributes: user },
      { type: "page.view", timestamp: ago(20), message: "saw", attributes: user },
      { type: "order.placed", timestamp: ago(10), message: "bought", attributes: user },
      { type: "beat", timestamp: ago(30 * 60), source: "silent", message: "last words" },
    ],
  });
  await sql`update events set correlation_id = 'c-1'`;
  await sql`insert into rejected_events (stream_seq, line, owner_id, received_at, reason, detail, record)
    values (1, 9, 1, now(), 'BAD_JSON', 'the line is not a JSON object', 'nonsense')`;
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

test("there are ten of them", () => {
  expect(queries).toHaveLength(10);
});

describe("each query runs, and finds what is there", () => {
  test.each(queries)("$title", async (query) => {
    const rows = await sql.unsafe(query.sql);
    expect(rows.length).toBeGreaterThan(0);
  });
});

test("the funnel counts who saw and who ordered", async () => {
  const funnel = queries.find(({ title }) => title.startsWith("A funnel"));
  const rows = await sql.unsafe(funnel?.sql ?? "");
  expect(rows[0]).toMatchObject({ saw: 1, ordered: 1 });
});

test("the silent source is found, and no other", async () => {
  const silent = queries.find(({ title }) => title.startsWith("Sources that have fallen silent"));
  const rows = await sql.unsafe(silent?.sql ?? "");
  expect(rows.map(({ source }) => source)).toEqual(["silent"]);
});

test("who was there yesterday and today counts once", async () => {
  const stayed = queries.find(({ title }) => title.startsWith("How many users"));
  const rows = await sql.unsafe(stayed?.sql ?? "");
  expect(rows[0]).toMatchObject({ users: 1 });
});
