import type { Sql, Transaction } from "../connect.ts";

/** `failed`: dead or cancelled. `gone`: its day has been dropped. */
export type Standing = "open" | "completed" | "failed" | "gone";

/**
 * Keeps open parents open until the end of the transaction, and has their ends told to their children. Several may hold
 * the same parent at once, and nobody who claims or frees it waits, except while its first child marks it. In the order
 * of the ids, like all who lock open rows.
 */
export async function holdOpenParents(sql: Transaction, parents: readonly number[]): Promise<void> {
  if (parents.length === 0) return;
  const held = await sql<{ seq: number; has_children: boolean }[]>`
    select seq, has_children from open_tasks where seq = any(${[...parents]}::bigint[]) order by seq for key share`;
  const unmarked = held.filter((row) => !row.has_children).map((row) => row.seq);
  if (unmarked.length > 0)
    await sql`update open_tasks set has_children = true where seq = any(${unmarked}::bigint[]) and not has_children`;
}

/** Where tasks stand at this moment. What is open and not held may end in the next one. */
export async function readStandings(
  sql: Sql | Transaction,
  seqs: readonly number[],
): Promise<ReadonlyMap<number, Standing>> {
  if (seqs.length === 0) return new Map();
  const rows = await sql<{ seq: number; is_open: boolean; kind: string | null }[]>`
    select x.seq, (select true from open_tasks o where o.seq = x.seq) is true as is_open,
      (select e.kind from outcomes e where e.seq = x.seq order by e.attempt desc limit 1) as kind
    from unnest(${[...seqs]}::bigint[]) as x(seq)`;
  return new Map(
    rows.map(({ seq, is_open, kind }) => {
      if (is_open) return [seq, "open"];
      if (kind === null) return [seq, "gone"];
      return [seq, kind === "completed" ? "completed" : "failed"];
    }),
  );
}
