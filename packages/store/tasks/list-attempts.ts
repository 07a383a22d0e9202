import type { Json, TaskError } from "@millrace/core";
import { workerIdOf } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

export interface AttemptRecord {
  readonly attempt: number;
  readonly status: "running" | "completed" | "failed" | "dead" | "cancelled" | "lost" | "returned";
  readonly workerId: string | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly retryAt: Date | null;
  readonly result: Json;
  readonly error: TaskError | null;
  /** The end of what it wrote, of an attempt that ran alone. */
  readonly log: string | null;
}

interface AttemptRow {
  readonly attempt: number;
  readonly kind: AttemptRecord["status"];
  readonly claimed_by: string | null;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly retry_at: Date | null;
  readonly result: Json | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly log: string | null;
}

/** Every attempt of a task, first to last, the running one included. */
export async function listAttempts(sql: Sql, seq: number): Promise<readonly AttemptRecord[]> {
  const rows = await sql<AttemptRow[]>`
    select attempt, kind, claimed_by, started_at, ended_at, retry_at, result, error_code, error_message, log
    from outcomes where seq = ${seq}
    union all
    select attempt, 'running', claimed_by, claimed_at, null, null, null, null, null, null
    from open_tasks where seq = ${seq} and claimed_by is not null
    order by attempt`;
  return rows.map((row) => ({
    attempt: row.attempt,
    status: row.kind,
    workerId: row.claimed_by === null ? null : workerIdOf(row.claimed_by),
    startedAt: row.started_at,
    endedAt: row.ended_at,
    retryAt: row.retry_at,
    result: row.result,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
    log: row.log,
  }));
}
