/**
 * Fills a database with millions of events, as the recorder would have stored them, for measurements of queries:
 * `bun tests/bench/fill-events.ts <database url> <millions> [hours]`. The events end now and are spread evenly.
 */
import { makeEventPartitions, openPool, type Sql } from "@millrace/store";

export interface FillWish {
  readonly events: number;
  /** How far back they begin. */
  readonly hours: number;
  readonly say: (line: string) => void;
}

const STEP = 250_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Twenty types, ten sources, four levels; two in three events belong to user 1. Analyzed at the end. */
export async function fillEvents(sql: Sql, { events, hours, say }: FillWish): Promise<void> {
  const endMs = Date.now();
  const startMs = endMs - hours * HOUR_MS;
  const days = Array.from({ length: Math.ceil(hours / 24) + 2 }, (_, n) =>
    new Date(startMs + n * DAY_MS).toISOString().slice(0, 10),
  );
  await makeEventPartitions(sql, days);
  for (let from = 0; from < events; from += STEP) {
    const to = Math.min(from + STEP, events);
    await sql`
      insert into events (ts, received_at, seq, owner_id, line, type, level, source, message, attributes, correlation_id)
      select ts, ts, n / 1000, 1 + n % 3 / 2, n % 1000, 'type-' || n % 20,
        (array['info', 'info', 'warn', 'error'])[1 + n % 7 % 4], 'service-' || n / 7 % 10,
        'GET /products/' || n || ' 200 in ' || n % 97 || ' ms',
        jsonb_build_object('method', 'GET', 'status', 200, 'duration_ms', n % 97, 'user', 'u-' || n % 1000),
        'c-' || n / 1000
      from (
        select n, to_timestamp(${startMs / 1_000}::float8 + n * ${(endMs - startMs) / 1_000 / events}::float8) as ts
        from generate_series(${from}::bigint, ${to - 1}::bigint) n
      ) numbered`;
    if (to % (STEP * 8) === 0) say(`${to} of ${events} events`);
  }
  await sql`
    insert into event_rollups select date_trunc('minute', ts), type, source, level, owner_id, count(*)
    from events group by 1, 2, 3, 4, 5`;
  await sql`
    insert into event_rollups_hourly select date_trunc('hour', minute, 'UTC'), type, source, level, owner_id, sum(events)
    from event_rollups group by 1, 2, 3, 4, 5`;
  await sql`
    insert into event_counts select dimension, minute, value, owner_id, sum(events) from event_rollups
    cross join lateral (values ('type', type), ('source', source), ('level', level)) d(dimension, value)
    group by 1, 2, 3, 4`;
  await sql`analyze event_counts`;
  await sql`analyze events`;
  await sql`analyze event_rollups`;
  await sql`analyze event_rollups_hourly`;
}

if (import.meta.main) {
  const [url = "", millions = "1", hours = "48"] = process.argv.slice(2);
  const sql = openPool({ url, max: 1, applicationName: "fill-events" });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  await fillEvents(sql, { events: Number(millions) * 1e6, hours: Number(hours), say });
  await sql.end();
}
