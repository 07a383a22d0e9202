import { LOGIN_BLOCK_S_MAX, LOGIN_FAILURES_FORGOTTEN_S } from "@millrace/core/limits";
import { orStoreFault, type Sql } from "../connect.ts";

/**
 * Guessing passwords gets slower with each guess: per account and per address, over all API processes.
 *
 * An attempt is charged as a failure before the password is looked at, and the charge is taken back when it was right.
 * So attempts made at the same moment count each other, and none slips through while the others are being hashed.
 */
export interface Subject {
  /** `account:…` or `address:…`. */
  readonly subject: string;
  /** Failures that cost nothing. */
  readonly free: number;
}

export interface Charge {
  readonly subject: string;
  /** Until when this charge blocks further attempts; `NEVER` when it does not. */
  readonly blockedUntil: Date;
}

export type ChargeResult =
  | { readonly kind: "charged"; readonly charges: readonly Charge[] }
  /** No attempt may be made before `until`. */
  | { readonly kind: "blocked"; readonly until: Date };

/**
 * What blocks nobody. The time of the attempt itself would not do: of two that come at the same moment, the one whose clock
 * was read first would find itself blocked by the other, a millisecond long.
 */
const NEVER = new Date(0);

/** Beyond this power of two the longest block is reached anyway; it keeps the arithmetic in range. */
const DOUBLINGS_MAX = 20;
const FORGOTTEN_CLEARED = 10;

export async function chargeLogin(sql: Sql, subjects: readonly Subject[], now: Date): Promise<ChargeResult> {
  const names = subjects.map(({ subject }) => subject);
  const forgottenAt = new Date(now.getTime() - LOGIN_FAILURES_FORGOTTEN_S * 1000);
  // In one order, so that two requests never wait for each other's rows in a circle.
  const charges = await orStoreFault(sql<Charge[]>`
    with asked as (
      select subject, free from unnest(${names}::text[], ${subjects.map(({ free }) => free)}::int[])
        as s (subject, free)
    )
    insert into login_failures as f (subject, failures, last_failed_at, blocked_until)
    select subject, 1, ${now}::timestamptz, ${NEVER}::timestamptz from asked order by subject
    on conflict (subject) do update set
      failures = case when f.last_failed_at < ${forgottenAt} then 1 else least(f.failures + 1, 1000000) end,
      last_failed_at = excluded.last_failed_at,
      blocked_until = coalesce(${now}::timestamptz + ${blockLength(sql, forgottenAt)}, ${NEVER}::timestamptz)
    where f.blocked_until <= ${now}
    returning subject, blocked_until as "blockedUntil"`);
  await clearForgotten(sql, forgottenAt);
  if (charges.length === subjects.length) return { kind: "charged", charges };
  const [blocked] = await orStoreFault(sql<{ until: Date | null }[]>`
    select max(blocked_until) as until from login_failures where subject = any(${names}::text[])`);
  return { kind: "blocked", until: blocked?.until ?? now };
}

/** Null while failures are free, then 1 s, 2 s, 4 s … up to the longest. */
function blockLength(sql: Sql, forgottenAt: Date) {
  return sql`(
    select case
      when f.last_failed_at < ${forgottenAt} or f.failures + 1 <= asked.free then null
      else interval '1 second'
        * least(${LOGIN_BLOCK_S_MAX}::int, 2 ^ least(f.failures - asked.free, ${DOUBLINGS_MAX}::int))
    end from asked where asked.subject = f.subject)`;
}

/**
 * The attempt was right. The account starts afresh; the address only gets its own charge back, for otherwise an
 * attacker could clear it by logging in to an account of theirs between guesses.
 */
export async function forgiveLogin(sql: Sql, charges: readonly Charge[]): Promise<void> {
  for (const { subject, blockedUntil } of charges) {
    if (subject.startsWith("account:"))
      await orStoreFault(sql`delete from login_failures where subject = ${subject}`);
    else
      await orStoreFault(sql`
        update login_failures set failures = greatest(failures - 1, 0),
          blocked_until = case when blocked_until = ${blockedUntil} then ${NEVER}::timestamptz else blocked_until end
        where subject = ${subject}`);
  }
}

/** A little at each attempt, more than an attempt adds: the table needs no other care. */
async function clearForgotten(sql: Sql, forgottenAt: Date): Promise<void> {
  await orStoreFault(sql`
    delete from login_failures where subject in (
      select subject from login_failures where last_failed_at < ${forgottenAt}
      order by last_failed_at limit ${FORGOTTEN_CLEARED} for update skip locked)`);
}
