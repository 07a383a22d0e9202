import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

/** A worker of the product has handlers for these: their tasks go by messages from now on. */
export async function routeToWorkers(sql: Sql, types: readonly string[]): Promise<void> {
  await sql`
    insert into task_routes (task_type, is_embedded, is_leased)
    select c, true, false from unnest(${[...types].sort()}::text[]) c
    on conflict (task_type) do update set is_embedded = true where not task_routes.is_embedded`;
}

/** No worker of the product has a handler for these any more. */
export async function routeAwayFromWorkers(sql: Sql, types: readonly string[]): Promise<void> {
  await sql`update task_routes set is_embedded = false where task_type = any(${[...types]}::text[]) and is_embedded`;
}

/** The types that workers of the product have handlers for, as far as they have told. */
export async function listEmbeddedTypes(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<
    { task_type: string }[]
  >`select task_type from task_routes where is_embedded order by 1`;
  return rows.map((row) => row.task_type);
}

/** A delivery that reached a worker without a handler for its type. */
export interface Shelving {
  readonly seq: number;
  readonly taskType: string;
}

/**
 * Shelves tasks whose messages can go, because nobody who gets messages has a handler for them: they wait in the database
 * to be leased, keep their place in line, and no attempt is counted. A type that is met for the first time is noted, so
 * that its next tasks get no messages at all. Answers in order: false for what some worker of the product can run; that
 * one is to be offered to others. Who makes a type the workers' waits for those who shelve at that moment, and finds all
 * of theirs (`takeShelved`).
 */
export async function shelveTasks(sql: Sql, shelvings: readonly Shelving[]): Promise<readonly boolean[]> {
  const inLockOrder = [...shelvings].sort((a, b) => a.seq - b.seq);
  const seqs = inLockOrder.map((shelving) => shelving.seq);
  const types = [...new Set(inLockOrder.map((shelving) => shelving.taskType))].sort();
  const embedded = await sql.begin(async (tx) => {
    await tx`
      insert into task_routes (task_type, is_embedded, is_leased) select c, false, false from unnest(${types}::text[]) c
      on conflict (task_type) do nothing`;
    const routes = await tx<{ task_type: string; is_embedded: boolean }[]>`
      select task_type, is_embedded from task_routes where task_type = any(${types}::text[]) order by task_type for share`;
    const others = routes.filter((route) => route.is_embedded).map((route) => route.task_type);
    await tx`
      update open_tasks o set lease_type = t.task_type, lease_owner = t.owner_id, is_shelved = true
      from tasks t
      where o.seq = any(${seqs}::bigint[]) and t.seq = any(${seqs}::bigint[]) and o.seq = t.seq
        and not t.task_type = any(${others}::text[])`;
    return new Set(others);
  });
  return shelvings.map((shelving) => !embedded.has(shelving.taskType));
}

/** Types of which something is on the shelf: each found by one look into the index, however many tasks there are. */
export async function listShelvedTypes(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    with recursive names as (
      select (select min(lease_type) from open_tasks where is_shelved) as name
      union all
      select (select min(lease_type) from open_tasks where is_shelved and lease_type > n.name) from names n
      where n.name is not null
    )
    select name from names where name is not null`;
  return rows.map((row) => row.name);
}

export interface Unshelved {
  /** How many left the shelf. */
  readonly count: number;
  /** Those whose messages are to be written now; what is far off, waits or runs gets its message later by itself. */
  readonly due: readonly number[];
}

/** Takes tasks of a type off the shelf that workers of the product can run now, the oldest first. */
export async function takeShelved(
  sql: Sql,
  { taskType, limit }: { readonly taskType: string; readonly limit: number },
): Promise<Unshelved> {
  const rows = await sql<{ seq: number; is_due: boolean }[]>`
    with shelved as materialized (
      select seq, claimed_by is null and waiting_for = 0 and ready_at < 'infinity' as is_waiting,
        ready_at <= clock_timestamp() + ${SCHEDULE_HORIZON_MS} * interval '1 millisecond' as is_near
      from open_tasks where lease_type = ${taskType} and is_shelved order by seq limit ${limit} for update skip locked
    )
    update open_tasks o
    set is_shelved = false, tenant = coalesce(o.tenant, ''), published_at = case when s.is_waiting and s.is_near then clock_timestamp() end,
      ready_at = case when s.is_waiting then greatest(o.ready_at, clock_timestamp()) else o.ready_at end
    from shelved s where o.seq = any(array(select seq from shelved)) and o.seq = s.seq
    returning o.seq, s.is_waiting and s.is_near as is_due`;
  const due = rows.filter((row) => row.is_due).map((row) => row.seq);
  return { count: rows.length, due: due.sort((a, b) => a - b) };
}

/**
 * Makes tasks leasable that were there before the first worker over HTTP registered for their type: a portion, in the
 * order of ids from `after` on. Reads the type's tasks since the oldest open one. Null: that was all.
 */
export async function makeLeasable(
  sql: Sql,
  { taskType, after, limit }: { readonly taskType: string; readonly after: number; readonly limit: number },
): Promise<number | null> {
  const found = await sql<{ seq: number }[]>`
    select seq from tasks
    where task_type = ${taskType} and seq > ${after} and seq >= (select coalesce(min(seq), 0) from open_tasks)
    order by seq limit ${limit}`;
  const seqs = found.map((row) => row.seq);
  await sql`
    update open_tasks o set lease_type = t.task_type, lease_owner = t.owner_id, is_shelved = not r.is_embedded
    from tasks t join task_routes r on r.task_type = t.task_type
    where o.seq = any(${seqs}::bigint[]) and t.seq = any(${seqs}::bigint[]) and o.seq = t.seq and o.lease_type is null
      and t.lane <> 'file' and r.task_type = ${taskType}`;
  return seqs.length < limit ? null : (seqs.at(-1) ?? null);
}
