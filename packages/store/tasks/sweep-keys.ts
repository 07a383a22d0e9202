import type { Sql } from "../connect.ts";
import { KEY_COLUMNS, type KeyRow, readHolders } from "./key-holders.ts";

export interface KeySweep {
  readonly looked: number;
  readonly removed: number;
  /** Where the next round goes on; FIRST_KEY when this one came to the end. */
  readonly after: number;
}

/** Before all keys, also those whose task was never stored. */
export const FIRST_KEY = -1;

/**
 * Takes away keys whose holders do not hold them any more: one round of a walk over all keys, by holder. Whoever submits
 * does not wait for it. A key that somebody else has got meanwhile has another holder, and stays.
 */
export async function sweepKeys(sql: Sql, after: number, limit: number): Promise<KeySweep> {
  return await sql.begin(async (transaction) => {
    const rows = await transaction<KeyRow[]>`
      select ${transaction.unsafe(KEY_COLUMNS)} from dedup_keys where seq > ${after}
      order by seq limit ${limit} for update skip locked`;
    const holders = await readHolders(transaction, rows);
    const free = rows.filter((row) => !holders.has(row)).map(({ seq }) => seq);
    if (free.length > 0) await transaction`delete from dedup_keys where seq = any(${free}::bigint[])`;
    const last = rows.length < limit ? FIRST_KEY : (rows.at(-1)?.seq ?? FIRST_KEY);
    return { looked: rows.length, removed: free.length, after: last };
  });
}
