import type { Sql } from "../connect.ts";
import { countsByMinute, DIMENSIONS, type Dimension, type EventFilter, matchesKind } from "./event-filter.ts";

export interface HistogramWish {
  readonly filter: Omit<EventFilter, "text">;
  /** Epoch ms; whole minutes. The end is not included. */
  readonly fromMs: number;
  readonly toMs: number;
  /** A multiple of a minute. Intervals begin at the epoch, in UTC. */
  readonly intervalMs: number;
  readonly by: Dimension | null;
}

export interface HistogramCount {
  readonly startMs: number;
  /** Null without `by`. */
  readonly key: string | null;
  readonly events: number;
}

const HOUR_MS = 3_600_000;

/**
 * Counts events by interval, from the rollups: no event is read. Whole hours come from the hourly ones, and minutes are
 * read only at the edges that are no whole hours.
 */
export async function countEvents(sql: Sql, wish: HistogramWish): Promise<readonly HistogramCount[]> {
  const { fromMs, toMs, intervalMs, by, filter } = wish;
  const dimension = by ?? DIMENSIONS.find((each) => filter[each] !== undefined) ?? "level";
  const byMinute = countsByMinute(sql, dimension, filter);
  const hours = intervalMs % HOUR_MS === 0 ? wholeHours(fromMs, toMs) : { fromMs: toMs, toMs };
  const at = (ms: number) => sql`to_timestamp(${ms / 1000}::float8)`;
  return await sql<HistogramCount[]>`
    select (floor(extract(epoch from moment) * 1000 / ${intervalMs}) * ${intervalMs})::bigint as "startMs",
      ${by === null ? sql`null::text` : sql`key`} as key,
      sum(events)::bigint as events
    from (
      select hour as moment, ${sql(dimension)} as key, events from event_rollups_hourly
      where hour >= ${at(hours.fromMs)} and hour < ${at(hours.toMs)} and ${matchesKind(sql, filter)}
      union all
      (${byMinute} and minute >= ${at(fromMs)} and minute < ${at(hours.fromMs)})
      union all
      (${byMinute} and minute >= ${at(hours.toMs)} and minute < ${at(toMs)})
    ) counted
    group by 1, 2 order by 1, 3 desc, 2`;
}

/** The whole hours within a span; an empty span at its end when there are none. */
function wholeHours(fromMs: number, toMs: number): { readonly fromMs: number; readonly toMs: number } {
  const first = Math.ceil(fromMs / HOUR_MS) * HOUR_MS;
  const last = Math.floor(toMs / HOUR_MS) * HOUR_MS;
  return first < last ? { fromMs: first, toMs: last } : { fromMs: toMs, toMs };
}
