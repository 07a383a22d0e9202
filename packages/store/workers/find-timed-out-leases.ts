import { WORKER_LEASES_AT_ONCE } from "@millrace/core/limits";
import type { BackoffWords } from "@millrace/protocol";
import type { Sql } from "../connect.ts";

/** A lease whose task's time-out has come: its attempt has failed, whatever its worker still does. */
export interface TimedOutLease {
  readonly seq: number;
  readonly attempt: number;
  readonly session: string;
  readonly failures: number;
  readonly timeoutS: number;
  readonly maxAttempts: number;
  readonly backoff: BackoffWords;
}

/** Whether there is a lease to end, for either reason: one look into a small index, which is all that an idle system pays. */
export async function hasExpiredLeases(sql: Sql): Promise<boolean> {
  const rows = await sql`
    select 1 from open_tasks where claimed_by is not null and lease_until <= clock_timestamp() limit 1`;
  return rows.length > 0;
}

/** Reads one small index. Several schedulers may find the same ones: settling is fenced. */
export async function findTimedOutLeases(sql: Sql): Promise<readonly TimedOutLease[]> {
  const leases = await sql<Omit<TimedOutLease, "timeoutS" | "maxAttempts" | "backoff">[]>`
    select seq, attempt, claimed_by as session, failures from open_tasks
    where claimed_by is not null and lease_until <= clock_timestamp() and lease_until >= lease_deadline
    order by lease_until limit ${WORKER_LEASES_AT_ONCE}`;
  if (leases.length === 0) return [];
  const policies = await sql<{ seq: number; timeoutS: number; maxAttempts: number; backoff: BackoffWords }[]>`
    select seq, timeout_s as "timeoutS", max_attempts as "maxAttempts", backoff from tasks
    where seq = any(${leases.map(({ seq }) => seq)}::bigint[])`;
  const policyBySeq = new Map(policies.map((policy) => [policy.seq, policy]));
  return leases.flatMap((lease) => {
    const policy = policyBySeq.get(lease.seq);
    return policy === undefined ? [] : [{ ...lease, ...policy }];
  });
}
