import type { TaskStatus } from "@millrace/core";
import { LIST_TOTAL_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";
import { TASK_COLUMNS, TASK_JOINS, type TaskRecord, type TaskRow, toRecord } from "./task-row.ts";

export interface TaskFilter {
  /** Only this owner's; null for everybody's. */
  readonly ownerId: number | null;
  readonly status?: TaskStatus | undefined;
  readonly taskType?: string | undefined;
  readonly priority?: number | undefined;
}

export interface TaskPage extends TaskFilter {
  readonly limit: number;
  readonly offset: number;
  /** Continues after this one, towards older ones. */
  readonly before?: number | undefined;
}

type Fragment = ReturnType<Sql>;

/**
 * Newest first. Each status starts from the table that is small for it: open tasks from open_tasks, failed and
 * cancelled ones from a partial index of outcomes; completed ones are most of the history, and are found by walking it.
 */
export async function listTasks(sql: Sql, page: TaskPage): Promise<readonly TaskRecord[]> {
  const { before, limit, offset } = page;
  const rows = await sql<TaskRow[]>`
    select ${sql.unsafe(TASK_COLUMNS)}
    from (
      ${matching(sql, page)}
      ${before === undefined ? sql`` : sql`and t.seq < ${before}`}
      order by t.seq desc limit ${limit} offset ${offset}
    ) found join tasks t on t.seq = found.seq ${sql.unsafe(TASK_JOINS)}
    order by t.seq desc`;
  return rows.map(toRecord);
}

/** Counts exactly up to LIST_TOTAL_MAX and stops there: counting millions to show a number helps nobody. */
export async function countTasks(
  sql: Sql,
  filter: TaskFilter,
): Promise<{ total: number; isCapped: boolean }> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer as count from (${matching(sql, filter)} limit ${LIST_TOTAL_MAX + 1}) bounded`;
  const count = row?.count ?? 0;
  return { total: Math.min(count, LIST_TOTAL_MAX), isCapped: count > LIST_TOTAL_MAX };
}

function matching(sql: Sql, filter: TaskFilter): Fragment {
  const { ownerId, taskType, priority } = filter;
  return sql`
    select t.seq from tasks t ${source(sql, filter.status)}
      ${ownerId === null ? sql`` : sql`and t.owner_id = ${ownerId}`}
      ${taskType === undefined ? sql`` : sql`and t.task_type = ${taskType}`}
      ${priority === undefined ? sql`` : sql`and t.priority = ${priority}`}`;
}

function source(sql: Sql, status: TaskStatus | undefined): Fragment {
  switch (status) {
    case undefined:
      return sql`where true`;
    case "pending":
      return sql`join open_tasks p on p.seq = t.seq where p.claimed_by is null`;
    case "running":
      return sql`join open_tasks p on p.seq = t.seq where p.claimed_by is not null`;
    case "failed":
      return sql`join outcomes e on e.seq = t.seq and e.kind = 'dead' where ${isLastWord(sql)}`;
    case "cancelled":
      return sql`join outcomes e on e.seq = t.seq and e.kind = 'cancelled' where ${isLastWord(sql)}`;
    case "completed":
      return sql`where exists (select 1 from outcomes e where e.seq = t.seq and e.kind = 'completed')`;
  }
}

/** A redriven task is open again, or has a later outcome. */
function isLastWord(sql: Sql): Fragment {
  return sql`not exists (select 1 from open_tasks p where p.seq = t.seq)
    and not exists (select 1 from outcomes later where later.seq = e.seq and later.attempt > e.attempt)`;
}
