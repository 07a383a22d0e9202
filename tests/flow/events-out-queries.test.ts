import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ApiUnderTest, signInAdmin, signUp, startApi } from "../support/api.ts";
import { recordLines } from "../support/events.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

/** The clock of `startApi`: 2026-01-15 12:00 UTC. */
const NOW = Date.UTC(2026, 0, 15, 12);
const MINUTE = 60_000;
const iso = (ms: number): string => new Date(ms).toISOString();

let api: ApiUnderTest;
let admin: string;
let user: string;
let userId: number;
let stranger: string;

/** 600 events, one each 7 s backwards from noon: of two owners, three types, two levels; and one in 2011. */
const TOTAL = 600;

beforeAll(async () => {
  api = await startApi();
  admin = (await signInAdmin(api)).accessToken;
  user = (await signUp(api.call, "u@example.org")).accessToken;
  stranger = (await signUp(api.call, "s@example.org")).accessToken;
  userId = Number((await api.sql`select user_id from users where email = 'u@example.org'`)[0]?.user_id);
  const lines = Array.from({ length: TOTAL }, (_, n) => ({
    timestamp: iso(NOW - n * 7_000),
    type: ["red", "green", "blue"][n % 3],
    level: n % 2 === 0 ? "info" : "error",
    source: `s${n % 5}`,
    message: n % 50 === 0 ? `Needle 100%_${n}` : `hay ${n}`,
    id: `e${n}`,
  }));
  const old = { timestamp: "2011-03-04T05:06:07Z", type: "ancient", message: "old", id: "old" };
  await recordLines(api.sql, { seq: 1, owner: userId, at: NOW, lines: lines.filter((_, n) => n % 2 === 0) });
  await recordLines(api.sql, {
    seq: 2,
    owner: userId + 1_000,
    at: NOW,
    lines: [...lines.filter((_, n) => n % 2 === 1), old],
  });
}, HOOK_MS);
afterAll(() => api.close(), HOOK_MS);

interface Page {
  items: { id: string; timestamp: string; type: string; level: string; message: string; source: string }[];
  next_cursor: string | null;
  prev_cursor: string | null;
}

async function get(query: string, token = admin): Promise<Page> {
  const { status, body, text } = await api.call("GET", `/api/events?${query}`, { token });
  if (status !== 200) throw new Error(`${status} ${text}`);
  return body as unknown as Page;
}

async function walk(
  query: string,
  cursorName: "next_cursor" | "prev_cursor",
  first: string | null,
  token = admin,
): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor = first; cursor !== null && pages.length < 1_000; ) {
    const page: Page = await get(`${query}&cursor=${cursor}`, token);
    if (page.items.length === 0) break;
    pages.push(page.items.map(({ id }) => id));
    cursor = page[cursorName];
  }
  return pages;
}

describe("GET /api/events", () => {
  test("gives the newest first, and every event once through all pages, however late some came", async () => {
    const first = await get("limit=37");
    const rest = await walk("limit=37", "next_cursor", first.next_cursor);
    const ids = [...first.items.map(({ id }) => id), ...rest.flat()];
    expect(ids).toEqual([...Array.from({ length: TOTAL }, (_, n) => `e${n}`), "old"]);
  });

  test("goes back the same pages with prev_cursor, to the very first event", async () => {
    const first = await get("limit=50");
    const second = await get(`limit=50&cursor=${first.next_cursor}`);
    const third = await get(`limit=50&cursor=${second.next_cursor}`);
    const back = await get(`limit=50&cursor=${third.prev_cursor}`);
    expect(back.items).toEqual(second.items);
    const all = await walk("limit=50", "prev_cursor", third.prev_cursor);
    expect(all.toReversed().flat()).toEqual([...first.items, ...second.items].map(({ id }) => id));
    const forth = await get(`limit=50&cursor=${back.next_cursor}`);
    expect(forth.items).toEqual(third.items);
  });

  test("a cursor stays good while newer events come in, and prev_cursor finds those", async () => {
    const first = await get("limit=10&type=late");
    expect(first.items).toEqual([]);
    const page = await get("limit=10&type=red");
    await recordLines(api.sql, {
      seq: 50,
      owner: userId,
      at: NOW,
      lines: [{ timestamp: iso(NOW + 1_000), type: "red", message: "newer", id: "newer" }],
    });
    const next = await get(`limit=10&type=red&cursor=${page.next_cursor}`);
    expect(next.items[0]?.id).toBe("e30");
    const newer = await get(`limit=10&type=red&cursor=${page.prev_cursor}`);
    expect(newer.items.map(({ id }) => id)).toEqual(["newer"]);
    await api.sql`delete from events where id = 'newer'`;
    await api.sql`delete from event_rollups where minute >= ${new Date(NOW)} and source = 'unknown' and type = 'red'`;
    await api.sql`update event_counts set events = 1 where dimension = 'type' and value = 'red' and minute = ${new Date(NOW)}`;
    await api.sql`update event_counts set events = 1 where dimension = 'level' and value = 'info' and minute = ${new Date(NOW)}`;
  });

  test.each([
    ["type=green", (n: number) => n % 3 === 1],
    ["source=s4", (n: number) => n % 5 === 4],
    ["level=error", (n: number) => n % 2 === 1],
    ["type=blue&source=s2&level=info", (n: number) => n % 3 === 2 && n % 5 === 2 && n % 2 === 0],
  ])("finds exactly what matches %s", async (query, matches) => {
    const first = await get(`${query}&limit=11`);
    const rest = await walk(`${query}&limit=11`, "next_cursor", first.next_cursor);
    const wanted = Array.from({ length: TOTAL }, (_, n) => n).filter(matches);
    expect([...first.items.map(({ id }) => id), ...rest.flat()]).toEqual(wanted.map((n) => `e${n}`));
  });

  test("from is included, to is not", async () => {
    const { items } = await get(`from=${iso(NOW - 70_000)}&to=${iso(NOW - 7_000)}&limit=100`);
    expect(items.map(({ id }) => id)).toEqual(["e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9", "e10"]);
  });

  test("q finds a part of the message in any case, and takes % and _ as they are", async () => {
    expect((await get("q=nEEdle&limit=100")).items).toHaveLength(12);
    expect((await get(`q=${encodeURIComponent("100%_50")}&limit=100`)).items.map(({ id }) => id)).toEqual(
      ["e50", "e500"].slice(0, 2).filter((id) => id === "e50" || id === "e500"),
    );
    expect((await get(`q=${encodeURIComponent("1%0")}`)).items).toEqual([]);
  });

  test("shows users their own events, and operators all", async () => {
    const mine = await get("limit=1000", user);
    expect(mine.items).toHaveLength(TOTAL / 2);
    expect((await get("limit=1000", stranger)).items).toEqual([]);
    expect((await get("limit=1000")).items).toHaveLength(TOTAL + 1);
  });

  test.each([
    "cursor=nonsense",
    "cursor=oZZ.1.1",
    "from=yesterday",
    "limit=0",
    "limit=1001",
    "unknown=1",
    "type=",
    `from=${iso(NOW)}&to=${iso(NOW - 1)}`,
  ])("refuses %s with VALIDATION_FAILED", async (query) => {
    const { status, body } = await api.call("GET", `/api/events?${query}`, { token: admin });
    expect([status, body.code]).toEqual([422, "VALIDATION_FAILED"]);
  });

  test("needs the scope events:read", async () => {
    const { body } = await api.call("POST", "/api/auth/keys", {
      token: admin,
      body: { name: "w", scopes: ["events:write"] },
    });
    for (const path of ["/api/events", "/api/events/histogram", "/api/events/tail", "/api/ledger"]) {
      const { status } = await api.call("GET", path, { token: String(body.api_key) });
      expect(status).toBe(403);
    }
  });
});

describe("GET /api/events/histogram", () => {
  const histogram = async (query: string, token = admin) =>
    (await api.call("GET", `/api/events/histogram?${query}`, { token })).body as unknown as {
      buckets: { start: string; total: number; counts: Record<string, number> }[];
      keys: string[];
      interval_s: number;
    };

  test("counts every event of the span in its interval, with the empty ones", async () => {
    const { buckets, keys } = await histogram(
      `from=${iso(NOW - 90 * MINUTE)}&to=${iso(NOW + MINUTE)}&interval=1m&by=type`,
    );
    expect(buckets).toHaveLength(91);
    expect(buckets.reduce((sum, { total }) => sum + total, 0)).toBe(TOTAL);
    expect(keys.toSorted()).toEqual(["blue", "green", "red"]);
    const expected = Array.from({ length: TOTAL }, (_, n) => NOW - n * 7_000).filter(
      (ms) => ms >= NOW - MINUTE && ms < NOW,
    ).length;
    expect(buckets[89]?.total).toBe(expected);
    expect(buckets[0]).toEqual({ start: iso(NOW - 90 * MINUTE), total: 0, counts: {} });
  });

  test("hours from the hourly counts say the same as from the minutes", async () => {
    const from = NOW - 3 * 3_600_000;
    const hours = await histogram(`from=${iso(from)}&to=${iso(NOW + MINUTE)}&interval=1h&by=level`);
    const minutes = await histogram(`from=${iso(from)}&to=${iso(NOW + MINUTE)}&interval=30m&by=level`);
    const sum = (all: typeof hours, key: string) =>
      all.buckets.reduce((total, { counts }) => total + (counts[key] ?? 0), 0);
    expect(sum(hours, "error")).toBe(sum(minutes, "error"));
    expect(sum(hours, "error")).toBe(TOTAL / 2);
  });

  test("counts only what its reader may see", async () => {
    const query = `from=${iso(NOW - 90 * MINUTE)}&to=${iso(NOW + MINUTE)}`;
    const total = (all: { buckets: { total: number }[] }) =>
      all.buckets.reduce((sum, bucket) => sum + bucket.total, 0);
    expect(total(await histogram(query, user))).toBe(TOTAL / 2);
    expect(total(await histogram(query, stranger))).toBe(0);
  });

  test.each([
    "interval=0m",
    "interval=10s",
    "interval=x",
    `interval=1m&from=${iso(NOW - 40 * 86_400_000)}`,
    "by=message",
  ])("refuses %s", async (query) => {
    const { status } = await api.call("GET", `/api/events/histogram?${query}`, { token: admin });
    expect(status).toBe(422);
  });
});

test("a query that would take too long is stopped, and says so", async () => {
  await api.ports.eventQueries.run((sql) => sql`select 1`);
  const failure = api.ports.eventQueries.run(async (sql) =>
    sql.begin(async (transaction) => {
      await transaction`set local statement_timeout = 20`;
      return await transaction`select pg_sleep(5)`;
    }),
  );
  expect(failure).rejects.toMatchObject({ code: "QUERY_TOO_EXPENSIVE" });
});
