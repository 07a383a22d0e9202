import type { Json, Lane } from "@millrace/core";
import type { BackoffWords } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

/** The attempt that a lease stands for. */
export interface Lease {
  readonly seq: number;
  readonly attempt: number;
  readonly session: string;
}

/** Extends a lease, never beyond its task's time-out. Null: it is lost, or its attempt has ended. */
export async function extendLease(
  sql: Sql,
  { seq, attempt, session }: Lease,
  leaseS: number,
): Promise<Date | null> {
  const [row] = await sql<{ until: Date }[]>`
    update open_tasks o set lease_until = least(clock_timestamp() + make_interval(secs => ${leaseS}), o.lease_deadline)
    where o.seq = any(array[${seq}::bigint]) and o.attempt = ${attempt} and coalesce(o.claimed_by, '') = ${session}
    returning lease_until as until`;
  return row?.until ?? null;
}

/** What decides how a failure goes on, and what the next attempt's message says. */
export interface HeldTask {
  readonly task_id: string;
  readonly task_type: string;
  readonly lane: Lane;
  readonly priority: number;
  readonly payload: Json;
  readonly failures: number;
  readonly max_attempts: number;
  readonly backoff: BackoffWords;
  readonly correlation_id: string;
  readonly trace_context: string | null;
}

/** The task of a lease that holds; null when it does not. */
export async function findHeldTask(sql: Sql, { seq, attempt, session }: Lease): Promise<HeldTask | null> {
  const [open] = await sql<{ failures: number }[]>`
    select failures from open_tasks
    where seq = any(array[${seq}::bigint]) and attempt = ${attempt} and coalesce(claimed_by, '') = ${session}`;
  if (open === undefined) return null;
  const [task] = await sql<Omit<HeldTask, "failures">[]>`
    select task_id, task_type, lane, priority, payload, max_attempts, backoff, correlation_id, trace_context from tasks
    where seq = any(array[${seq}::bigint])`;
  return task === undefined ? null : { ...task, failures: open.failures };
}

export interface LeaseEnd {
  readonly kind: "completed" | "failed" | "dead" | "cancelled" | "lost" | "returned";
  readonly retryAt: Date | null;
  readonly errorCode: string | null;
}

/** How the attempt of a lease ended; null while it has not. */
export async function findLeaseEnd(sql: Sql, { seq, attempt, session }: Lease): Promise<LeaseEnd | null> {
  const [end] = await sql<LeaseEnd[]>`
    select kind, retry_at as "retryAt", error_code as "errorCode" from outcomes
    where seq = any(array[${seq}::bigint]) and attempt = ${attempt} and claimed_by = ${session}`;
  return end ?? null;
}
