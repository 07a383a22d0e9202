import type { Sql } from "../connect.ts";
import type { VoidedOrdinal } from "./batch-record.ts";

/** How far an api process has come, by its own word. */
export interface EventMark {
  readonly instance: string;
  /** Every message up to this one was acknowledged, or given up. */
  readonly ordinal: number;
  /** In all messages up to there, those given up included. */
  readonly events: number;
  /** Numbers given up since the mark before. */
  readonly voided: readonly VoidedOrdinal[];
}

/** Notes them for the audit; a mark that comes late moves nothing back. */
export async function noteMarks(sql: Sql, marks: readonly EventMark[]): Promise<void> {
  const rows = marks.map(({ instance, ordinal, events }) => ({ instance, ordinal, events }));
  const voids = marks.flatMap(({ instance, voided }) => voided.map((each) => ({ instance, ...each })));
  await sql`
    with void as (
      insert into event_voids (instance, ordinal, events)
      select * from json_to_recordset(${JSON.stringify(voids)}::text::json) as x(
        instance text, ordinal bigint, events bigint) order by 1, 2 on conflict do nothing
    )
    insert into event_marks as m (instance, ordinal, events)
    select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as x(
      instance text, ordinal bigint, events bigint)
    on conflict (instance) do update set ordinal = excluded.ordinal, events = excluded.events, told_at = clock_timestamp()
    where m.ordinal < excluded.ordinal`;
}
