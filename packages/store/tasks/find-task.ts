import type { Sql, Transaction } from "../connect.ts";
import { TASK_COLUMNS, TASK_JOINS, type TaskRecord, type TaskRow, toRecord } from "./task-row.ts";

/** The task with this id, with where it stands; null when there is none. */
export async function findTask(sql: Sql, taskId: string): Promise<TaskRecord | null> {
  const [record] = await findTasks(sql, [taskId]);
  return record ?? null;
}

/** Those of the tasks that exist, in no particular order. */
export async function findTasks(
  sql: Sql | Transaction,
  taskIds: readonly string[],
): Promise<readonly TaskRecord[]> {
  const rows = await sql<TaskRow[]>`
    select ${sql.unsafe(TASK_COLUMNS)}
    from task_keys k
      cross join lateral (select * from tasks e where e.seq = k.seq limit 1) t ${sql.unsafe(TASK_JOINS)}
    where k.task_id = any(${[...taskIds]}::text[])`;
  return rows.map(toRecord);
}
