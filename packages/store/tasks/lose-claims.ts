import { ATTEMPT_NUMBER_MAX, DEATHS_BESIDE_OTHERS_MAX, LOST_ATTEMPTS_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

export interface LostClaim {
  readonly seq: number;
  readonly attempt: number;
  /** True: one loss too many, the task is dead. False: its next attempt is due at once. */
  readonly isDead: boolean;
}

export interface LostLease extends LostClaim {
  /** Who had it. */
  readonly session: string;
}

/** Claims taken back in one statement; a worker's slots are fewer. */
const CLAIMS_AT_ONCE = 1_000;

const MESSAGE = "the worker died, or was cut off, while it ran the task";
const LEASE_MESSAGE = "its lease ran out: the worker neither extended nor ended it";
/** Of a file that even its process of its own could not keep from it: a machine without memory, for example. */
const QUARANTINED = `the worker died, or was cut off, ${LOST_ATTEMPTS_MAX + 1} times while it processed the file; it is not tried again`;

/** Of a task that a worker over HTTP had leased alone. */
const QUARANTINED_LEASE = `it was lost with its worker ${DEATHS_BESIDE_OTHERS_MAX} times, and then once more when it was leased alone: it is not tried again`;

/**
 * Takes the claims of a dead session back: each attempt is recorded as lost, which counts against LOST_ATTEMPTS_MAX and
 * never against `max_attempts`. Run by several at once, each claim is taken back by one of them.
 * The caller must know that the session is dead; if it was wrong, the session's own outcome is refused (invariant 3).
 */
export async function loseClaims(sql: Sql, session: string): Promise<readonly LostClaim[]> {
  const lost = await lose(sql, {
    which: sql`claimed_by = ${session}`,
    code: "WORKER_LOST",
    message: MESSAGE,
    living: [],
  });
  return lost.map(({ seq, attempt, isDead }) => ({ seq, attempt, isDead }));
}

/**
 * Takes leases back that ran out, by the database's clock: their workers said nothing for too long. Those that have come
 * to their task's time-out are left to `find-timed-out-leases.ts`: they have failed, and are not lost.
 * @param living sessions that were heard of all the same: they forgot the task, and did not die of it.
 */
export async function loseLeases(sql: Sql, living: readonly string[] = []): Promise<readonly LostLease[]> {
  return await lose(sql, {
    which: sql`claimed_by is not null and lease_until <= clock_timestamp() and lease_until < lease_deadline`,
    code: "LEASE_EXPIRED",
    message: LEASE_MESSAGE,
    living,
  });
}

interface Losing {
  readonly which: ReturnType<Sql>;
  readonly code: string;
  readonly message: string;
  readonly living: readonly string[];
}

/**
 * A death is a loss whose worker did not live on. After DEATHS_BESIDE_OTHERS_MAX of them the task runs alone. A further one
 * is the last of a lease: nobody else was there. Of our own it says little, since the task had a process of its own.
 */
async function lose(sql: Sql, { which, code, message, living }: Losing): Promise<readonly LostLease[]> {
  return await sql<LostLease[]>`
    with found as materialized (
      select seq, claimed_by, losses, attempt, is_alone and lease_until is not null as is_leased_alone,
        not claimed_by = any(${[...living]}::text[]) as is_death
      from open_tasks where ${which} order by seq limit ${CLAIMS_AT_ONCE} for update skip locked
    ), held as materialized (
      select seq, claimed_by, is_death, is_death and is_leased_alone as is_quarantined,
        losses >= ${LOST_ATTEMPTS_MAX} or attempt >= ${ATTEMPT_NUMBER_MAX} or (is_death and is_leased_alone) as is_last
      from found
    ), freed as (
      update open_tasks o
      set claimed_by = null, tenant = coalesce(o.tenant, ''), published_at = null, losses = o.losses + 1, ready_at = clock_timestamp(),
        deaths = o.deaths + h.is_death::integer,
        is_alone = o.is_alone or o.deaths + h.is_death::integer >= ${DEATHS_BESIDE_OTHERS_MAX}
      from held h where o.seq = any(array(select seq from held)) and o.seq = h.seq and not h.is_last
      returning o.seq, o.attempt, o.claimed_at, o.lane, h.claimed_by, false as is_dead, false as is_quarantined
    ), ended as (
      delete from open_tasks o using held h where o.seq = any(array(select seq from held)) and o.seq = h.seq and h.is_last
      returning o.seq, o.attempt, o.claimed_at, o.lane, h.claimed_by, true as is_dead, h.is_quarantined
    ), taken as (
      select one.*,
        case when is_quarantined or (is_dead and lane = 'file') then 'QUARANTINED' else ${code}::text end as error_code,
        case when is_quarantined then ${QUARANTINED_LEASE}
          when is_dead and lane = 'file' then ${QUARANTINED} else ${message}::text end as error_message
      from (select * from freed union all select * from ended) one
    ), recorded as (
      insert into outcomes (seq, attempt, kind, claimed_by, started_at, ended_at, error_code, error_message)
      select seq, attempt, case when is_dead then 'dead' else 'lost' end, claimed_by, claimed_at, clock_timestamp(),
        error_code, error_message
      from taken
    ), buried as (
      insert into dead_letters (seq, task_type, lane, error_code, error_message, died_at)
      select e.seq, (select t.task_type from tasks t where t.seq = e.seq), e.lane, e.error_code, e.error_message,
        clock_timestamp()
      from taken e where e.is_dead
    )
    select seq, attempt, is_dead as "isDead", claimed_by as session from taken order by seq`;
}

/** The sessions that hold claims now. Bounded by the number of workers; reads one small index. */
export async function listClaimingSessions(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ claimed_by: string }[]>`
    select distinct claimed_by from open_tasks where claimed_by is not null`;
  return rows.map((row) => row.claimed_by);
}

/** The claims that a session holds, for a worker that compares them with what it really runs. */
export async function listClaims(
  sql: Sql,
  session: string,
): Promise<readonly { seq: number; attempt: number }[]> {
  return await sql<{ seq: number; attempt: number }[]>`
    select seq, attempt from open_tasks where claimed_by = ${session} order by seq limit ${CLAIMS_AT_ONCE}`;
}
