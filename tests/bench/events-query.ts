/** Queries over twenty million stored events, as the api asks them, one after the other. */
import { countEvents, type EventPlace, listEvents, migrate, openPool, type Sql } from "@millrace/store";
import { percentile } from "../support/http-load.ts";
import { startPostgres } from "../support/servers.ts";
import { fillEvents } from "./fill-events.ts";

const EVENTS = 20_000_000;
const HOURS = 48;
const HOUR_MS = 3_600_000;
const REPEATS = 100;

export async function benchEventsQuery(say: (line: string) => void, events = EVENTS): Promise<void> {
  const postgres = await startPostgres();
  try {
    await migrate(postgres.url);
    const sql = openPool({ url: postgres.url, max: 1, applicationName: "bench" });
    await fillEvents(sql, { events, hours: HOURS, say: () => {} });
    const [size] = await sql<{ gb: number }[]>`
      select (sum(pg_total_relation_size(inhrelid)) / 1e9)::float8 as gb from pg_inherits where inhparent = 'events'::regclass`;
    say(`${events} events over ${HOURS} hours, ${size?.gb.toFixed(1)} GB with indexes`);
    await measureQueries(sql, say);
    await sql.end();
  } finally {
    await postgres.stop();
  }
}

const filter = { ownerId: null } as const;

async function measureQueries(sql: Sql, say: (line: string) => void): Promise<void> {
  const nowMs = Date.now();
  const page = (fromMs: number, toMs: number, more: object = {}) =>
    listEvents(sql, {
      ...{ filter, fromMs, toMs, limit: 100, after: null, direction: "older", deadlineMs: nowMs + 600_000 },
      ...more,
    });
  const hourAt = (n: number): number => nowMs - ((n * 7) % (HOURS - 1)) * HOUR_MS;
  const measure = async (name: string, run: (n: number) => Promise<unknown>): Promise<void> => {
    await run(0);
    const times: number[] = [];
    for (let n = 0; n < REPEATS; n++) {
      const startedMs = performance.now();
      await run(n);
      times.push(performance.now() - startedMs);
    }
    const sorted = Float64Array.from(times).sort();
    say(
      `${name}: p50 ${percentile(sorted, 0.5).toFixed(1)} ms, p95 ${percentile(sorted, 0.95).toFixed(1)} ms`,
    );
  };
  await measure("a type and an hour, 100 events", (n) =>
    page(hourAt(n) - HOUR_MS, hourAt(n), { filter: { ownerId: null, type: `type-${n % 20}` } }),
  );
  await measure("a type, an hour and an owner", (n) =>
    page(hourAt(n) - HOUR_MS, hourAt(n), { filter: { ownerId: 2, type: `type-${n % 20}` } }),
  );
  await measure("the newest 100 of everything", () => page(0, nowMs));
  await measure("a source and a level", (n) =>
    page(0, nowMs, { filter: { ownerId: null, source: `service-${n % 10}`, level: "error" } }),
  );
  await measure("24 hours by type", () =>
    countEvents(sql, {
      ...{ filter, intervalMs: HOUR_MS, by: "type" },
      ...{ fromMs: hourStart(nowMs) - 24 * HOUR_MS, toMs: hourStart(nowMs) },
    }),
  );
  await measure("24 hours by type, each minute", () =>
    countEvents(sql, {
      ...{ filter, intervalMs: 60_000, by: "type" },
      ...{ fromMs: hourStart(nowMs) - 24 * HOUR_MS, toMs: hourStart(nowMs) },
    }),
  );
  const pages: EventPlace[] = [];
  let after: EventPlace | null = null;
  for (let n = 0; n < 1_000 + REPEATS; n++) {
    const found = await page(0, nowMs, { after });
    after = found.next;
    if (after !== null) pages.push(after);
  }
  await measure("cursor, page 2", () => page(0, nowMs, { after: pages[0] }));
  await measure("cursor, page 1 000", (n) => page(0, nowMs, { after: pages[999 + n] }));
  await measure("text in the last hour", () =>
    page(nowMs - HOUR_MS, nowMs, { filter: { ownerId: null, text: "200 in 13 ms" } }),
  );
}

function hourStart(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}
