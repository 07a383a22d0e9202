import type { Sql } from "../connect.ts";

export interface WorkerDrain {
  readonly workerId: string;
  readonly drainedBy: number;
}

/** Nothing new starts on a worker of the product, whichever life of it. False: that was so already. */
export async function drainWorker(sql: Sql, { workerId, drainedBy }: WorkerDrain): Promise<boolean> {
  const rows = await sql`
    insert into worker_drains (worker_id, drained_by) values (${workerId}, ${drainedBy})
    on conflict (worker_id) do nothing returning 1`;
  return rows.length === 1;
}

/** It takes tasks again. False: it was not drained. */
export async function resumeWorker(sql: Sql, workerId: string): Promise<boolean> {
  const rows = await sql`delete from worker_drains where worker_id = ${workerId} returning 1`;
  return rows.length === 1;
}

export async function isWorkerDrained(sql: Sql, workerId: string): Promise<boolean> {
  const rows = await sql`select 1 from worker_drains where worker_id = ${workerId}`;
  return rows.length === 1;
}

/** Forgets drains that are older, except of workers that are known: machines that nobody will see again. */
export async function forgetDrains(
  sql: Sql,
  { keptDays, except }: { readonly keptDays: number; readonly except: readonly string[] },
): Promise<number> {
  const rows = await sql`
    delete from worker_drains
    where drained_at < clock_timestamp() - make_interval(days => ${keptDays})
      and not worker_id = any(${[...except]}::text[])
    returning 1`;
  return rows.length;
}
