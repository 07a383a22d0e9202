import type { Sql } from "../connect.ts";

/** One recorder at a time. */
const LOCK = 7_315_103;

interface DayIndex {
  readonly name: string;
  /** Null: the day has none. False: it was not finished. */
  readonly isValid: boolean | null;
}

/**
 * The optional index for `q`: trigrams of the messages, on each day from today on. Measured: storing an event costs 2.4
 * times the CPU with it (13 µs against 5.4; a full-text index 10.8), so it is for those who search a lot. Days that are past
 * keep what they have; without the wish, all go.
 *
 * @param isWanted whether there should be one.
 * @returns how many it made and dropped. Not in a transaction: nobody who writes is held up.
 */
export async function keepTextIndexes(
  sql: Sql,
  { isWanted, today }: { readonly isWanted: boolean; readonly today: string },
): Promise<{ readonly made: number; readonly dropped: number }> {
  const connection = await sql.reserve();
  try {
    const [lock] = await connection<{ locked: boolean }[]>`select pg_try_advisory_lock(${LOCK}) as locked`;
    if (lock?.locked !== true) return { made: 0, dropped: 0 };
    if (isWanted) await connection`create extension if not exists pg_trgm`;
    let made = 0;
    let dropped = 0;
    const days = await connection<DayIndex[]>`
      select c.relname as name, x.indisvalid as "isValid"
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      left join pg_index x on x.indexrelid = to_regclass(c.relname || '_text')
      where i.inhparent = 'events'::regclass and c.relname ~ '^events_[0-9]{8}$'
        and (x.indexrelid is not null or right(c.relname, 8) >= ${today.replaceAll("-", "")}) order by 1`;
    for (const { name, isValid } of days) {
      if (isValid !== null && !(isWanted && isValid)) {
        await connection`drop index concurrently if exists ${connection(`${name}_text`)}`;
        dropped += 1;
      }
      if (!isWanted || isValid === true) continue;
      await connection`
        create index concurrently ${connection(`${name}_text`)} on ${connection(name)} using gin (message gin_trgm_ops)`;
      made += 1;
    }
    await connection`select pg_advisory_unlock(${LOCK})`;
    return { made, dropped };
  } finally {
    connection.release();
  }
}
