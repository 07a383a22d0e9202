import type { Json } from "@millrace/core";
import type { Sql } from "../connect.ts";

export type Sealed =
  /** Nobody can change it any more; this is what is to be run. */
  | { readonly kind: "sealed"; readonly payload: Json }
  /** A later submission has put its start off by so much. */
  | { readonly kind: "early"; readonly waitMs: number }
  | { readonly kind: "gone" };

/**
 * Has a debounced task begin: gives its key back, so that the next submission makes a task of its own, and reads what the
 * last one wanted. Whoever holds the key at this moment is waited for. Asked again, also by somebody else, it answers the
 * same: a worker may die between this and the claim.
 *
 * Two statements, and no transaction around them: the second sees what the first one waited for, and once the key is gone
 * nobody changes the payload.
 */
export async function sealTask(sql: Sql, seq: number): Promise<Sealed> {
  await sql`
    delete from dedup_keys where seq = ${seq} and kind = 'debounce' and starts_at <= clock_timestamp()`;
  const [row] = await sql<{ payload: Json; wait_ms: number | null }[]>`
    select t.payload, (
      select ceil(extract(epoch from k.starts_at - clock_timestamp()) * 1000)::float8
      from dedup_keys k where k.seq = ${seq} and k.kind = 'debounce'
    ) as wait_ms
    from tasks t where t.seq = ${seq}`;
  if (row === undefined) return { kind: "gone" };
  if (row.wait_ms !== null) return { kind: "early", waitMs: Math.max(1, row.wait_ms) };
  return { kind: "sealed", payload: row.payload };
}

/** What is known of a debounced task that has not begun. */
export interface Debounce {
  readonly latestAt: Date;
  /** Submissions that it stands for, its own one included. */
  readonly submissions: number;
}

/** Null: it is none, or has begun. */
export async function readDebounce(sql: Sql, seq: number): Promise<Debounce | null> {
  const [row] = await sql<Debounce[]>`
    select latest_at as "latestAt", submissions from dedup_keys where seq = ${seq} and kind = 'debounce'`;
  return row ?? null;
}
