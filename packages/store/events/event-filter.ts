import type { Sql } from "../connect.ts";

export interface EventFilter {
  /** Only this owner's; null for everybody's. */
  readonly ownerId: number | null;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly level?: string | undefined;
  /** Part of the message, in any case. */
  readonly text?: string | undefined;
}

export const DIMENSIONS = ["type", "source", "level"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export type Fragment = ReturnType<Sql>;

/** What rollups and events have in common. */
export function matchesKind(sql: Sql, { ownerId, type, source, level }: EventFilter): Fragment {
  return sql`true
    ${ownerId === null ? sql`` : sql`and owner_id = ${ownerId}`}
    ${type === undefined ? sql`` : sql`and type = ${type}`}
    ${source === undefined ? sql`` : sql`and source = ${source}`}
    ${level === undefined ? sql`` : sql`and level = ${level}`}`;
}

/**
 * Counts per minute of what matches: `minute`, `key`, `events`. Where a filter names nothing but the dimension itself, they
 * come from the narrow table, which has a few dozen rows a minute; else from the one with every combination.
 */
export function countsByMinute(sql: Sql, dimension: Dimension, filter: EventFilter): Fragment {
  const named = DIMENSIONS.filter((each) => filter[each] !== undefined);
  if (named.some((each) => each !== dimension))
    return sql`select minute, ${sql(dimension)} as key, events from event_rollups where ${matchesKind(sql, filter)}`;
  const value = filter[dimension];
  return sql`select minute, value as key, events from event_counts where dimension = ${dimension}
    ${filter.ownerId === null ? sql`` : sql`and owner_id = ${filter.ownerId}`}
    ${value === undefined ? sql`` : sql`and value = ${value}`}`;
}

/** `%` and `_` of the text stand for themselves. */
export function containsText(sql: Sql, text: string | undefined): Fragment {
  return text === undefined ? sql`` : sql`and message ilike ${`%${text.replace(/[\\%_]/g, "\\$&")}%`}`;
}
