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

export type Fragment = ReturnType<Sql>;

/** What rollups and events have in common. */
export function matchesKind(sql: Sql, { ownerId, type, source, level }: EventFilter): Fragment {
  return sql`true
    ${ownerId === null ? sql`` : sql`and owner_id = ${ownerId}`}
    ${type === undefined ? sql`` : sql`and type = ${type}`}
    ${source === undefined ? sql`` : sql`and source = ${source}`}
    ${level === undefined ? sql`` : sql`and level = ${level}`}`;
}

/** `%` and `_` of the text stand for themselves. */
export function containsText(sql: Sql, text: string | undefined): Fragment {
  return text === undefined ? sql`` : sql`and message ilike ${`%${text.replace(/[\\%_]/g, "\\$&")}%`}`;
}
