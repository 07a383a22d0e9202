import { LANES } from "@millrace/core";
import { QUEUE_PAUSES_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

/** A lane or task type of which nothing new is started. */
export interface Pause {
  readonly name: string;
  readonly isLane: boolean;
  readonly pausedAt: Date;
  readonly reason: string | null;
}

/** A lane wins over a task type of the same name. */
export function isLaneName(name: string): boolean {
  return LANES.some((lane) => lane === name);
}

/** By name. Bounded by QUEUE_PAUSES_MAX. */
export async function listPauses(sql: Sql): Promise<readonly Pause[]> {
  return await sql<Pause[]>`
    select name, is_lane as "isLane", paused_at as "pausedAt", reason from queue_pauses order by name`;
}

/** Pausing what is paused keeps the first pause. Null when QUEUE_PAUSES_MAX names are paused already. */
export async function pauseQueue(
  sql: Sql,
  {
    name,
    pausedBy,
    reason,
  }: { readonly name: string; readonly pausedBy: number; readonly reason: string | null },
): Promise<Pause | null> {
  const [pause] = await sql<Pause[]>`
    insert into queue_pauses (name, is_lane, paused_by, reason)
    select ${name}, ${isLaneName(name)}, ${pausedBy}, ${reason}::text
    where (select count(*) from queue_pauses) < ${QUEUE_PAUSES_MAX}
      or exists (select 1 from queue_pauses where name = ${name})
    on conflict (name) do update set name = excluded.name
    returning name, is_lane as "isLane", paused_at as "pausedAt", reason`;
  return pause ?? null;
}

/** False when it was not paused. Waits for those who park at this moment, so that all of theirs are seen afterwards. */
export async function resumeQueue(sql: Sql, name: string): Promise<boolean> {
  const rows = await sql`delete from queue_pauses where name = ${name} returning 1`;
  return rows.length === 1;
}
