import type { Level } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

/**
 * Finds tasks of one level that should have a message in the stream and cannot have one: due before `dueBefore`, not
 * claimed, and not published since. Marks them as published now and returns their ids; several schedulers at once get
 * different ones. Walks one index from its oldest entry, so a million waiting tasks that do have their messages are
 * never read: `dueBefore` lies before all of them.
 */
export async function takeUnpublished(
  sql: Sql,
  query: { readonly level: Level; readonly dueBefore: Date; readonly limit: number },
): Promise<readonly number[]> {
  const { level, dueBefore, limit } = query;
  const rows = await sql<{ seq: number }[]>`
    with lost as materialized (
      select seq from open_tasks
      where lane = ${level.lane} and priority = ${level.priority} and claimed_by is null and ready_at < ${dueBefore}
        and waiting_for = 0 and (published_at is null or published_at < ${dueBefore})
      order by ready_at limit ${limit} for update skip locked
    )
    update open_tasks o set published_at = clock_timestamp() from lost where o.seq = lost.seq returning o.seq`;
  return rows.map((row) => row.seq).sort((a, b) => a - b);
}

/** The same for tasks that become due between the two times and were left to us because they were far off. */
export async function takeComing(
  sql: Sql,
  query: { readonly level: Level; readonly from: Date; readonly until: Date; readonly limit: number },
): Promise<readonly number[]> {
  const { level, from, until, limit } = query;
  const rows = await sql<{ seq: number }[]>`
    with coming as materialized (
      select seq from open_tasks
      where lane = ${level.lane} and priority = ${level.priority} and claimed_by is null
        and ready_at >= ${from} and ready_at < ${until} and published_at is null and waiting_for = 0
      order by ready_at limit ${limit} for update skip locked
    )
    update open_tasks o set published_at = clock_timestamp() from coming where o.seq = coming.seq returning o.seq`;
  return rows.map((row) => row.seq);
}
