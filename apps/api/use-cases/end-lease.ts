import { Fault, type Identity, type Json, verdictFor } from "@millrace/core";
import { ERROR_CODE_CHARS_MAX, JSON_DEPTH_MAX } from "@millrace/core/limits";
import { backoffFromWords, traceFields } from "@millrace/protocol";
import { findHeldTask, findLeaseEnd, lastWord, orStoreFault, type Settlement } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { isDeeperThan } from "../tasks/read-task.ts";
import { type LeaseClaim, readLease } from "../workers/lease-token.ts";

export interface LeaseWord {
  readonly taskId: string;
  readonly token: string;
}

export interface LeaseEnded {
  readonly task_id: string;
  readonly attempt: number;
  /** `failed`: it is tried again, at `retry_at`. `dead`: it is not. */
  readonly outcome: "completed" | "failed" | "dead";
  readonly retry_at: string | null;
}

/** The lease that a token stands for. Throws LEASE_LOST for any other token, task or user. */
export function leaseOf(ports: Ports, identity: Identity, { taskId, token }: LeaseWord): LeaseClaim {
  const claim = readLease(token, ports.signingSecret);
  if (claim === null || claim.taskId !== taskId || claim.userId !== identity.userId)
    throw lost(ports, "token");
  return claim;
}

export function lost(ports: Ports, step: string): Fault {
  ports.workerDesk.metrics.refused.add({ step });
  return new Fault("LEASE_LOST", "the lease does not hold any more: stop working on the task");
}

/**
 * Writes down that a leased task was done. The same again gets the same answer.
 * Throws LEASE_LOST: nothing was written. VALIDATION_FAILED, STORE_UNAVAILABLE.
 */
export async function completeLease(
  ports: Ports,
  identity: Identity,
  { result, ...word }: LeaseWord & { readonly result: Json },
): Promise<LeaseEnded> {
  const claim = leaseOf(ports, identity, word);
  if (isDeeperThan(result, JSON_DEPTH_MAX))
    throw new Fault(
      "VALIDATION_FAILED",
      `in the body: /result must not nest deeper than ${JSON_DEPTH_MAX} levels`,
    );
  const { seq, attempt, session } = claim;
  const answer = await ports.workerDesk.ends.settle(session, { seq, attempt, kind: "completed", result });
  if (answer.kind === "refused") throw lost(ports, "complete");
  tellEnd(ports, claim, { kind: "completed", hasChildren: answer.hasChildren === true });
  return { task_id: claim.taskId, attempt, outcome: "completed", retry_at: null };
}

export interface Failure {
  readonly error: { readonly code: string; readonly message: string };
  readonly isRetryable: boolean;
  readonly retryAfterMs?: number;
}

/** Writes down that an attempt failed: it is tried again by the task's own policy, or dead. As `completeLease`. */
export async function failLease(
  ports: Ports,
  identity: Identity,
  { failure, ...word }: LeaseWord & { readonly failure: Failure },
): Promise<LeaseEnded> {
  const claim = leaseOf(ports, identity, word);
  const held = await orStoreFault(findHeldTask(ports.hotSql, claim));
  if (held === null) return await repeatedFailure(ports, claim);
  const settlement = failureOf(claim, failure, held);
  const answer = await ports.workerDesk.ends.settle(claim.session, settlement);
  if (answer.kind === "refused") return await repeatedFailure(ports, claim);
  const outcome = settlement.kind === "dead" ? "dead" : "failed";
  tellEnd(ports, claim, { kind: outcome, hasChildren: answer.hasChildren === true });
  if (outcome === "failed") ports.workerDesk.background(ports.workerDesk.publish([claim.seq]));
  ports.log.info(outcome === "dead" ? "a task is dead" : "an attempt failed", {
    ...{ task_id: claim.taskId, attempt: claim.attempt, correlation_id: held.correlation_id },
    ...traceFields(held.trace_context ?? undefined),
    ...{ error_code: failure.error.code, error_message: failure.error.message },
  });
  return {
    task_id: claim.taskId,
    attempt: claim.attempt,
    outcome,
    retry_at: answer.readyAt?.toISOString() ?? null,
  };
}

type Held = NonNullable<Awaited<ReturnType<typeof findHeldTask>>>;

function failureOf({ seq, attempt }: LeaseClaim, { error, ...how }: Failure, held: Held): Settlement {
  const verdict = verdictFor({
    outcome: { kind: "failed", error, ...how },
    failures: held.failures,
    maxAttempts: held.max_attempts,
    backoff: backoffFromWords(held.backoff),
    random: Math.random,
  });
  const words = {
    seq,
    attempt,
    error_code: error.code.slice(0, ERROR_CODE_CHARS_MAX),
    error_message: error.message,
  };
  if (verdict.kind === "retry") return lastWord({ ...words, kind: "failed", delay_ms: verdict.delayMs });
  return { ...words, kind: "dead" };
}

/** The answer may have got lost: what this very lease wrote down is told again. */
async function repeatedFailure(ports: Ports, claim: LeaseClaim): Promise<LeaseEnded> {
  const end = await orStoreFault(findLeaseEnd(ports.hotSql, claim));
  if (end?.kind !== "failed" && end?.kind !== "dead") throw lost(ports, "fail");
  const { taskId: task_id, attempt } = claim;
  return { task_id, attempt, outcome: end.kind, retry_at: end.retryAt?.toISOString() ?? null };
}

interface Told {
  readonly kind: LeaseEnded["outcome"];
  readonly hasChildren: boolean;
}

function tellEnd(ports: Ports, claim: LeaseClaim, { kind, hasChildren }: Told): void {
  const { seq, taskId: task_id, taskType: task_type, lane, priority, attempt } = claim;
  const state = {
    completed: { status: "completed", phase: "done" },
    failed: { status: "pending", phase: "retry_wait" },
    dead: { status: "failed", phase: "dead" },
  } as const;
  const worker_id = claim.session.slice(0, claim.session.lastIndexOf("~"));
  ports.dispatcher.tell({ seq, task_id, task_type, lane, priority, attempt, worker_id, ...state[kind] });
  ports.workerDesk.metrics.ended.add({ task_type, outcome: kind });
  ports.workerDesk.leases.nudgeSession(claim.session);
  if (hasChildren) ports.intake.tellEnds();
}
