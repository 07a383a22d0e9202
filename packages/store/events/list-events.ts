import type { Sql } from "../connect.ts";
import { containsText, type EventFilter, matchesKind } from "./event-filter.ts";
import { findWindow, type SearchWindow } from "./find-window.ts";

/** An event as it is read. */
export interface EventRow {
  readonly tsUs: number;
  readonly ts: string;
  readonly seq: number;
  readonly line: number;
  readonly type: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
  /** JSON; null for none. */
  readonly attributes: unknown;
  readonly id: string | null;
  readonly receivedAt: Date;
  readonly correlationId: string;
}

/** The place of an event in time: microseconds, then its message and line. */
export interface EventPlace {
  readonly tsUs: number;
  readonly seq: number;
  readonly line: number;
}

export interface EventSearch {
  readonly filter: EventFilter;
  /** Epoch ms, both included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  /** Continues behind this place; null begins at the newest. */
  readonly after: EventPlace | null;
  /** "older" from the newest on; "newer" back again. */
  readonly direction: "older" | "newer";
  /** True: an index finds the text, so the span is searched as a whole. */
  readonly isTextIndexed?: boolean;
  /** A text search ends here, with what it has found until then. */
  readonly deadlineMs: number;
}

export interface EventPage {
  /** Newest first, whichever the direction. */
  readonly events: readonly EventRow[];
  /** Where to go on in the direction; null when there is no more. */
  readonly next: EventPlace | null;
}

/** A text search reads all of a window, so windows must not be too small; without a text, a page's worth is enough. */
const TEXT_WINDOW_EVENTS = 50_000;
const WINDOWS_MAX = 1_000;
const NO_LINE_YET = {
  older: { seq: Number.MAX_SAFE_INTEGER, line: 0 },
  newer: { seq: -1, line: 0 },
} as const;

/**
 * A page of events. There is no index on time alone, which would cost a quarter of the rate at which events are stored
 * (measured, see README): the rollups tell how far to search and which types there are, and the page is merged from the
 * index on (type, ts), a few rows of each type. So the thousandth page costs what the first one does.
 */
export async function listEvents(sql: Sql, search: EventSearch): Promise<EventPage> {
  const { filter, direction, limit } = search;
  const isOlder = direction === "older";
  const endMs = isOlder ? search.fromMs : search.toMs;
  const found: EventRow[] = [];
  let place = search.after ?? beginning(search);
  for (let windows = 0; windows < WINDOWS_MAX; windows++) {
    const startMs = clamp(place.tsUs / 1000, search);
    const events = windowEvents(search);
    const window = await findWindow(sql, { filter, startMs, endMs, events });
    if (window === null) return page(found, direction, null);
    const rows = await readWindow(sql, search, { window, place, limit: limit + 1 - found.length });
    found.push(...rows);
    if (found.length > limit) return page(found.slice(0, limit), direction, found[limit - 1] ?? null);
    if (window.isLast) return page(found, direction, null);
    place = edgeOf(window, direction);
    if (Date.now() > search.deadlineMs) break;
  }
  return page(found, direction, place);
}

function page(
  found: readonly EventRow[],
  direction: EventSearch["direction"],
  next: EventPlace | null,
): EventPage {
  const events = direction === "older" ? found : found.toReversed();
  return { events, next: next === null ? null : { tsUs: next.tsUs, seq: next.seq, line: next.line } };
}

function beginning({ direction, fromMs, toMs }: EventSearch): EventPlace {
  const tsUs = direction === "older" ? toMs * 1000 + 999 : fromMs * 1000;
  return { tsUs: Math.round(tsUs), ...NO_LINE_YET[direction] };
}

function windowEvents({ filter, limit, isTextIndexed = false }: EventSearch): number {
  if (filter.text === undefined) return limit + 1;
  return isTextIndexed ? Number.POSITIVE_INFINITY : TEXT_WINDOW_EVENTS;
}

function clamp(ms: number, { fromMs, toMs }: EventSearch): number {
  return Math.min(Math.max(ms, fromMs), toMs + 1);
}

/** Everything of the window has been seen. */
function edgeOf({ fromMs, toMs }: SearchWindow, direction: EventSearch["direction"]): EventPlace {
  if (direction === "older") return { tsUs: Math.ceil(fromMs) * 1000, seq: -1, line: 0 };
  return { tsUs: Math.floor(toMs) * 1000, ...NO_LINE_YET.older };
}

interface RawRow extends Omit<EventRow, "ts"> {
  readonly ts: string;
}

/** The first rows of a window behind a place. Each type is read in the order of its index, so only what is needed. */
async function readWindow(
  sql: Sql,
  { filter, direction, fromMs, toMs }: EventSearch,
  {
    window,
    place,
    limit,
  }: { readonly window: SearchWindow; readonly place: EventPlace; readonly limit: number },
): Promise<readonly EventRow[]> {
  const isOlder = direction === "older";
  const placeTs = sql`timestamptz 'epoch' + ${place.tsUs} * interval '1 microsecond'`;
  const low = Math.max(window.fromMs, fromMs);
  const high = Math.min(window.toMs, toMs) + 0.999;
  const from = sql`to_timestamp(${low / 1000}::float8)`;
  const to = sql`to_timestamp(${high / 1000}::float8)`;
  const order = isOlder ? sql`ts desc, seq desc, line desc` : sql`ts, seq, line`;
  const behind = isOlder
    ? sql`ts between ${from} and least(${to}, ${placeTs}) and (ts, seq, line) < (${placeTs}, ${place.seq}::bigint, ${place.line}::integer)`
    : sql`ts between greatest(${from}, ${placeTs}) and ${to} and (ts, seq, line) > (${placeTs}, ${place.seq}::bigint, ${place.line}::integer)`;
  return await sql<RawRow[]>`
    select (extract(epoch from ts) * 1000000)::bigint as "tsUs",
      to_char(ts at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ts, seq, line, type, level, source, message,
      attributes, id, received_at as "receivedAt", correlation_id as "correlationId"
    from unnest(${[...window.types]}::text[]) as kind(name)
    cross join lateral (
      select * from events
      where type = kind.name and ${behind} and ${matchesKind(sql, filter)} ${containsText(sql, filter.text)}
      order by ${order} limit ${limit}
    ) of_type
    order by ${order} limit ${limit}`;
}
