import type { Json, Lane } from "@millrace/core";
import type { DeadLetter } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

export interface DeadLetterRow {
  readonly seq: number;
  readonly taskId: string;
  readonly taskType: string;
  readonly ownerId: number;
  readonly lane: Lane;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly diedAt: Date;
  readonly attempts: number;
  readonly payload: Json;
}

export interface DeadLetterFilter {
  /** Only this owner's; null for everybody's. */
  readonly ownerId: number | null;
  readonly taskType?: string | undefined;
  /** An error code, or a part of the message. */
  readonly error?: string | undefined;
  readonly taskIds?: readonly string[] | undefined;
  /** Continues after this one, towards older ones. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function listDeadLetters(sql: Sql, filter: DeadLetterFilter): Promise<readonly DeadLetterRow[]> {
  const { before, limit } = filter;
  return await sql<DeadLetterRow[]>`
    select d.seq, t.task_id as "taskId", d.task_type as "taskType", t.owner_id as "ownerId", d.lane,
      d.error_code as "errorCode", d.error_message as "errorMessage", d.died_at as "diedAt", t.payload,
      (select count(*)::integer from outcomes c where c.seq = d.seq and c.started_at is not null) as attempts
    ${matching(sql, filter)}
      ${before === undefined ? sql`` : sql`and d.seq < ${before}`}
    order by d.seq desc limit ${limit}`;
}

/** How many match, up to a bound. */
export async function countDeadLetters(
  sql: Sql,
  filter: Omit<DeadLetterFilter, "before" | "limit">,
  countMax: number,
): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer as count from (select 1 ${matching(sql, filter)} limit ${countMax}) bounded`;
  return row?.count ?? 0;
}

function matching(sql: Sql, filter: Omit<DeadLetterFilter, "before" | "limit">): ReturnType<Sql> {
  const { ownerId, taskType, error, taskIds } = filter;
  const pattern = error === undefined ? "" : `%${error.replace(/[\\%_]/g, "\\$&")}%`;
  return sql`
    from dead_letters d join tasks t on t.seq = d.seq
    where true
      ${ownerId === null ? sql`` : sql`and t.owner_id = ${ownerId}`}
      ${taskType === undefined ? sql`` : sql`and d.task_type = ${taskType}`}
      ${error === undefined ? sql`` : sql`and (d.error_code = ${error} or d.error_message ilike ${pattern})`}
      ${taskIds === undefined ? sql`` : sql`and d.seq in (select seq from task_keys where task_id = any(${[...taskIds]}::text[]))`}`;
}

/** Takes a dead letter off the list; the task stays failed. False when it was not there. */
export async function discardDeadLetter(sql: Sql, seq: number): Promise<boolean> {
  return (await sql`delete from dead_letters where seq = ${seq} returning seq`).length === 1;
}

export interface Unannounced {
  readonly seq: number;
  readonly letter: DeadLetter;
}

/** Dead letters whose readable copy is not known to stand in the DLQ stream, oldest first. */
export async function listUnannounced(sql: Sql, limit: number): Promise<readonly Unannounced[]> {
  const rows = await sql<DeadRow[]>`
    select d.seq, t.task_id, d.task_type, d.lane, t.payload, d.error_code, d.error_message, d.died_at, t.correlation_id,
      (select max(e.attempt) from outcomes e where e.seq = d.seq and e.kind = 'dead') as attempts
    from dead_letters d cross join lateral (select * from tasks t where t.seq = d.seq limit 1) t
    where not d.is_announced order by d.seq limit ${limit}`;
  return rows.map((row) => ({
    seq: row.seq,
    letter: {
      task_id: row.task_id,
      task_type: row.task_type,
      lane: row.lane,
      payload: row.payload,
      attempts: row.attempts,
      error: { code: row.error_code, message: row.error_message },
      died_at: row.died_at.toISOString(),
      correlation_id: row.correlation_id,
    },
  }));
}

interface DeadRow {
  readonly seq: number;
  readonly task_id: string;
  readonly task_type: string;
  readonly lane: Lane;
  readonly payload: Json;
  readonly error_code: string;
  readonly error_message: string;
  readonly died_at: Date;
  readonly correlation_id: string;
  readonly attempts: number;
}

export async function markAnnounced(sql: Sql, seqs: readonly number[]): Promise<void> {
  await sql`update dead_letters set is_announced = true where seq = any(${[...seqs]}::bigint[]) and not is_announced`;
}
