import type { Sql } from "../connect.ts";
import { countsByMinute, type EventFilter } from "./event-filter.ts";

/** A stretch of time, both ends included, to search for a page. */
export interface SearchWindow {
  readonly fromMs: number;
  readonly toMs: number;
  /** Types that occur in it. */
  readonly types: readonly string[];
  /** Nothing that matches lies beyond it. */
  readonly isLast: boolean;
}

export interface WindowWish {
  readonly filter: EventFilter;
  /** Where the search begins, in epoch ms, and the limit towards which it goes. */
  readonly startMs: number;
  readonly endMs: number;
  /** How many matching events the window should hold, so far as there are as many. */
  readonly events: number;
}

const MINUTE_MS = 60_000;
/** How far each look goes, in minutes; the last one goes to the end. */
const STEPS = [15, 120, 1_440, 14_400, Number.POSITIVE_INFINITY] as const;

interface MinuteRow {
  readonly minute_ms: number;
  readonly type: string;
  readonly events: number;
}

/**
 * Looks into the rollups for how far one must search: they are written together with the events, so the window that they
 * give holds what they promise, however dense or sparse the events are. Goes from the start to the end, in either
 * direction. Null when there is nothing.
 */
export async function findWindow(sql: Sql, wish: WindowWish): Promise<SearchWindow | null> {
  const isBack = wish.endMs < wish.startMs;
  const sign = isBack ? -1 : 1;
  const firstMinuteMs = floorMinute(wish.startMs);
  const lastMinuteMs = floorMinute(wish.endMs);
  const types = new Set<string>();
  let found = 0;
  let nearMs = firstMinuteMs;
  for (const minutes of STEPS) {
    const stepMs = firstMinuteMs + sign * minutes * MINUTE_MS;
    const farMs = isBack ? Math.max(stepMs, lastMinuteMs) : Math.min(stepMs, lastMinuteMs);
    for (const row of await readMinutes(sql, wish.filter, { nearMs, farMs, isBack })) {
      if (found >= wish.events && row.minute_ms !== nearMs) return windowTo(wish, nearMs, types);
      nearMs = row.minute_ms;
      types.add(row.type);
      // Of the first minute an unknown part lies before the start.
      if (row.minute_ms !== firstMinuteMs) found += row.events;
    }
    if (farMs === lastMinuteMs) break;
    if (found >= wish.events) return windowTo(wish, nearMs, types);
    nearMs = farMs + sign * MINUTE_MS;
  }
  if (types.size === 0) return null;
  return { ...between(wish.startMs, wish.endMs), types: [...types], isLast: true };
}

function windowTo(
  { startMs, endMs }: WindowWish,
  minuteMs: number,
  types: ReadonlySet<string>,
): SearchWindow {
  const isBack = endMs < startMs;
  const edgeMs = isBack ? Math.max(minuteMs, endMs) : Math.min(minuteMs + MINUTE_MS, endMs);
  return { ...between(startMs, edgeMs), types: [...types], isLast: edgeMs === endMs };
}

function between(oneMs: number, otherMs: number): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: Math.min(oneMs, otherMs), toMs: Math.max(oneMs, otherMs) };
}

function floorMinute(ms: number): number {
  return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
}

async function readMinutes(
  sql: Sql,
  filter: EventFilter,
  { nearMs, farMs, isBack }: { readonly nearMs: number; readonly farMs: number; readonly isBack: boolean },
): Promise<readonly MinuteRow[]> {
  const [low, high] = isBack ? [farMs, nearMs] : [nearMs, farMs];
  return await sql<MinuteRow[]>`
    select (extract(epoch from minute) * 1000)::bigint as minute_ms, key as type, sum(events)::bigint as events
    from (
      ${countsByMinute(sql, "type", filter)}
      and minute between to_timestamp(${low / 1000}::float8) and to_timestamp(${high / 1000}::float8)
    ) counted
    group by minute, key order by minute ${isBack ? sql`desc` : sql`asc`}`;
}
