import type { Sql } from "../connect.ts";
import { distinctTurns, isSameTurn, sharedTurns, type Turn } from "./tenant-turns.ts";

export interface Claim {
  readonly seq: number;
  /** The attempt that the message starts. */
  readonly attempt: number;
  /** Where it waited; absent: nobody asks who else does. */
  readonly turn?: Turn;
}

export type ClaimAnswer =
  /** `isShared`: tasks of other tenants wait where it waited; maybe due, maybe later. */
  | { readonly kind: "claimed"; readonly isShared?: true }
  /** Somebody holds the claim for this very attempt: alive, or dead; the caller finds out. */
  | { readonly kind: "held"; readonly by: string }
  /** Ended, cancelled, or past this attempt: the message is of no use any more. */
  | { readonly kind: "stale" };

/** `shared`: which of the turns others wait for, counted from 1; the same in all rows. */
interface ClaimRow {
  readonly seq: number;
  readonly attempt: number;
  readonly shared: readonly number[] | null;
}

interface HolderRow {
  readonly seq: number;
  readonly attempt: number;
  readonly claimed_by: string | null;
}

/**
 * Invariant 7: claims what is unclaimed and at exactly the attempt before. One statement, one commit; nothing of a task
 * may run before its answer says "claimed". A claim that comes twice in the list is answered "claimed" once.
 *
 * What has not started and is past its time is not claimed any more: `expire-tasks.ts` ends it.
 *
 * Whether other tenants wait beside those that it claims is one look into an index for each level and tenant of the group.
 *
 * Two conditions are there for the planner, which always has the wrong statistics about a queue: `any` keeps it from
 * joining by reading all of open_tasks, and `coalesce` from using an index on claimed_by, which is full of dead entries
 * under load. Without them the same tasks ran at 980/s instead of 20 000/s.
 * Rows are locked in the order of their ids, so that two batches wait in a line and not in a circle: a deadlock is only
 * noticed after a second.
 */
export async function claimAttempts(
  sql: Sql,
  session: string,
  claims: readonly Claim[],
): Promise<readonly ClaimAnswer[]> {
  const inLockOrder = [...claims].sort((a, b) => a.seq - b.seq);
  const seqs = inLockOrder.map((claim) => claim.seq);
  const attempts = inLockOrder.map((claim) => claim.attempt);
  const turns = distinctTurns(claims);
  const won = await sql<ClaimRow[]>`
    update open_tasks o set attempt = x.attempt, claimed_by = ${session}, claimed_at = clock_timestamp(), parked_for = null,
      lease_until = null, lease_deadline = null
    from unnest(${seqs}::bigint[], ${attempts}::integer[]) as x(seq, attempt)
    where o.seq = any(${seqs}::bigint[]) and o.seq = x.seq and o.attempt = x.attempt - 1
      and coalesce(o.claimed_by, '') = '' and o.waiting_for = 0
      and (o.attempt > 0 or not (select exists (select 1 from task_deadlines)) or coalesce(
        (select d.expires_at > statement_timestamp() from task_deadlines d where d.seq = o.seq), true))
    returning o.seq, o.attempt, ${sharedTurns(sql, turns)} as shared`;
  const wonBySeq = new Map(won.map((row) => [row.seq, row]));
  const answers = claims.map((claim) => takeClaim(wonBySeq, claim, turns));
  if (answers.includes(STALE)) await explainRefusals(sql, claims, answers);
  return answers;
}

const CLAIMED: ClaimAnswer = { kind: "claimed" };
const CLAIMED_SHARED: ClaimAnswer = { kind: "claimed", isShared: true };
const STALE: ClaimAnswer = { kind: "stale" };

function takeClaim(wonBySeq: Map<number, ClaimRow>, claim: Claim, turns: readonly Turn[]): ClaimAnswer {
  const won = wonBySeq.get(claim.seq);
  if (won?.attempt !== claim.attempt) return STALE;
  wonBySeq.delete(claim.seq);
  const isShared = won.shared?.some((place) => isSameTurn(turns[place - 1], claim.turn)) ?? false;
  return isShared ? CLAIMED_SHARED : CLAIMED;
}

/** Refusals are rare; only they are worth a second look at who holds the claim. */
async function explainRefusals(sql: Sql, claims: readonly Claim[], answers: ClaimAnswer[]): Promise<void> {
  const refused = claims.filter((_, index) => answers[index] === STALE).map((claim) => claim.seq);
  const holders = await sql<HolderRow[]>`
    select seq, attempt, claimed_by from open_tasks where seq = any(${refused}::bigint[])`;
  const holderBySeq = new Map(holders.map((row) => [row.seq, row]));
  for (const [index, claim] of claims.entries()) {
    const holder = holderBySeq.get(claim.seq);
    if (answers[index] !== STALE || holder?.attempt !== claim.attempt || holder.claimed_by === null) continue;
    answers[index] = { kind: "held", by: holder.claimed_by };
  }
}
