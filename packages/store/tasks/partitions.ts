import type { Sql, Transaction } from "../connect.ts";

/** One scheduler at a time. */
const MAKE_LOCK = 7_315_001;
/**
 * A new partition locks the whole table, and whoever comes after the one that waits for a lock waits, too: behind a long
 * query of somebody else the queue would stand still. Better to give up and try again later; there are days to spare.
 */
const LOCK_TIMEOUT = "2s";

/**
 * Makes the partitions of today and the coming days that are missing; returns how many it made. Throws SQLSTATE 55P03
 * when somebody else holds the tables for too long.
 */
export async function makePartitions(sql: Sql, days: number): Promise<number> {
  return await sql.begin(async (transaction) => {
    await transaction`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
    await transaction`select pg_advisory_xact_lock(${MAKE_LOCK})`;
    const [row] = await transaction<{ made: number }[]>`
      select make_partitions((clock_timestamp() at time zone 'UTC')::date, ${days}) as made`;
    return row?.made ?? 0;
  });
}

const KEYS_AT_ONCE = 10_000;
/** One scheduler at a time. */
const PRUNE_LOCK = 7_315_002;

/**
 * Drops the days that are older than the retention, hold no open task and no parent of one, with their ids and dead
 * letters: what is not finished, or wanted by what is not, is never dropped, however old. Returns the days as they are written in the partitions' names. Throws SQLSTATE
 * 55P03 when somebody else holds the tables for too long.
 */
export async function dropOldPartitions(sql: Sql, retentionDays: number): Promise<readonly string[]> {
  const days = await sql<{ day: string }[]>`
    select right(c.relname, 8) as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'tasks'::regclass and c.relname ~ '^tasks_[0-9]{8}$'
      and right(c.relname, 8) < to_char((clock_timestamp() at time zone 'UTC')::date - ${retentionDays}::integer, 'YYYYMMDD')
    order by 1`;
  const dropped: string[] = [];
  for (const { day } of days) if (await dropDay(sql, day)) dropped.push(day);
  return dropped;
}

async function dropDay(sql: Sql, day: string): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    const [lock] = await transaction<
      { locked: boolean }[]
    >`select pg_try_advisory_xact_lock(${PRUNE_LOCK}) as locked`;
    if (lock?.locked !== true || !(await isThere(transaction, day))) return false;
    const tasks = transaction(`tasks_${day}`);
    await transaction`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
    // A redrive that has begun is waited for and seen; one that begins now waits, and finds nothing to reopen.
    await transaction`lock table ${tasks} in exclusive mode`;
    const from = transaction`seq_at(to_date(${day}, 'YYYYMMDD')::timestamp at time zone 'UTC')`;
    const until = transaction`seq_at((to_date(${day}, 'YYYYMMDD') + 1)::timestamp at time zone 'UTC')`;
    const [open] =
      await transaction`select 1 from open_tasks where seq >= ${from} and seq < ${until} limit 1`;
    if (open !== undefined || (await isAwaited(transaction, day))) return false;
    await transaction`delete from dead_letters where seq >= ${from} and seq < ${until}`;
    await transaction`delete from dedup_keys where seq >= ${from} and seq < ${until}`;
    await transaction`delete from redrives where seq >= ${from} and seq < ${until}`;
    for (let after = 0; ; ) {
      const rows = await transaction<{ seq: number; task_id: string }[]>`
        select seq, task_id from ${tasks} where seq > ${after} order by seq limit ${KEYS_AT_ONCE}`;
      const last = rows.at(-1);
      if (last === undefined) break;
      await transaction`delete from task_keys where task_id = any(${rows.map((row) => row.task_id)}::text[])`;
      after = last.seq;
    }
    await transaction`drop table ${tasks}`;
    await transaction`drop table if exists ${transaction(`outcomes_${day}`)}`;
    await transaction`drop table if exists ${transaction(`task_edges_${day}`)}`;
    return true;
  });
}

/** An open task depends on one of that day's: it may want its result. Read in pieces, as the keys are. */
async function isAwaited(sql: Transaction, day: string): Promise<boolean> {
  const name = `task_edges_${day}`;
  const [there] = await sql<{ isThere: boolean }[]>`select to_regclass(${name}) is not null as "isThere"`;
  if (there?.isThere !== true) return false; // Its edges went to the default partition, or it is older than graphs.
  for (let after = { parent: 0, child: 0 }; ; ) {
    const rows = await sql<{ parent: number; child: number; is_open: boolean }[]>`
      select e.parent, e.child, (select true from open_tasks o where o.seq = e.child) is true as is_open
      from ${sql(name)} e where (e.parent, e.child) > (${after.parent}, ${after.child})
      order by e.parent, e.child limit ${KEYS_AT_ONCE}`;
    if (rows.some((row) => row.is_open)) return true;
    const last = rows.at(-1);
    if (last === undefined) return false;
    after = last;
  }
}

/** Another scheduler may have dropped it since it was listed. */
async function isThere(sql: Transaction, day: string): Promise<boolean> {
  const [row] = await sql<{ isThere: boolean }[]>`
    select to_regclass(${`tasks_${day}`}) is not null as "isThere"`;
  return row?.isThere === true;
}
