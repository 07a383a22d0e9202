import type { Breaker } from "./breaker.ts";
import type { GuardName } from "./guard-names.ts";
import type { Lane, TaskError, TaskPhase, TaskStatus } from "./task.ts";

/** What is known of a task that somebody asks about: `null` where nobody could say. */
export interface WhyFacts {
  readonly taskType: string;
  readonly lane: Lane;
  readonly priority: number;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly workerId: string | null;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly error: TaskError | null;
  /** Parents that have not ended, and how many there are in all. */
  readonly parents: readonly WaitingParent[];
  readonly waitingFor: number;
  /** It has not begun, and further submissions with its key put it off. */
  readonly debounce: { readonly key: string; readonly latestAt: Date; readonly submissions: number } | null;
  /** The guard that parked it. */
  readonly heldBy: GuardName | null;
  readonly breaker: Breaker | null;
  readonly limit: { readonly ratePerSecond: number | null; readonly maxConcurrent: number | null } | null;
  readonly pause: {
    readonly name: string;
    readonly isLane: boolean;
    readonly pausedAt: Date;
    readonly reason: string | null;
  } | null;
  /** Workers that live, take new tasks and can run this type. */
  readonly capableWorkers: number | null;
  /** Workers have died with it: it runs alone. */
  readonly isAlone: boolean;
  /** Tasks of its lane that are due before it or more urgent; counted up to a bound. */
  readonly ahead: { readonly tasks: number; readonly isCapped: boolean } | null;
  /** Null in `tenant`: tasks without a tenant, which take their turns together. Null: nobody else waits where it does. */
  readonly turn: {
    readonly tenant: string | null;
    readonly others: number;
    readonly areOthersCapped: boolean;
    readonly ahead: { readonly tasks: number; readonly isCapped: boolean };
  } | null;
}

export interface WaitingParent {
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
}

/** Stable: what the API answers as `reason`. */
export const WHY_REASONS = [
  "completed",
  "failed",
  "cancelled",
  "running",
  "dependencies",
  "scheduled",
  "debounced",
  "retry_wait",
  "breaker",
  "limit",
  "paused_lane",
  "paused_type",
  "no_worker",
  "quarantine",
  "tenant_turn",
  "lane_position",
] as const;
export type WhyReason = (typeof WHY_REASONS)[number];

/** `summary` is one sentence for people; `details` what a program may read, times in RFC 3339. */
export interface Why {
  readonly reason: WhyReason;
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Why a task is not further than it is. The first reason that holds it is the answer, from its own state outwards. */
export function explainTask(facts: WhyFacts): Why {
  switch (facts.phase) {
    case "done":
    case "dead":
    case "cancelled":
      return ended(facts);
    case "running":
      return running(facts);
    case "waiting":
      return waiting(facts);
    case "scheduled":
      return facts.debounce === null ? later(facts, "scheduled") : debounced(facts, facts.debounce);
    case "retry_wait":
      return later(facts, facts.phase);
    case "parked":
    case "queued":
      return held(facts) ?? queued(facts);
  }
}

function ended({ status, attempts, completedAt, error }: WhyFacts): Why {
  const at = completedAt?.toISOString() ?? null;
  const details = { ended_at: at, attempts, error };
  if (status === "completed")
    return { reason: "completed", summary: `It has completed, in attempt ${attempts}.`, details };
  if (status === "cancelled") return { reason: "cancelled", summary: "It was cancelled.", details };
  const cause = error === null ? "" : `: ${error.code}`;
  return {
    reason: "failed",
    summary: `It has failed for good after ${times(attempts, "attempt")}${cause}.`,
    details,
  };
}

function running({ workerId, startedAt, attempts, maxAttempts, isAlone }: WhyFacts): Why {
  const since = startedAt?.toISOString() ?? null;
  const where = `${isAlone ? "alone, in quarantine, " : ""}on ${workerId ?? "a worker"}`;
  return {
    reason: "running",
    summary: `It runs ${where}${since === null ? "" : ` since ${since}`}.`,
    details: {
      ...{ worker_id: workerId, started_at: since, attempt: attempts, max_attempts: maxAttempts },
      in_quarantine: isAlone,
    },
  };
}

function waiting({ parents, waitingFor }: WhyFacts): Why {
  const first = parents[0];
  const named = first === undefined ? "" : `, among them ${first.taskId} (${first.phase})`;
  return {
    reason: "dependencies",
    summary: `It waits for ${times(waitingFor, "task")} to end${named}.`,
    details: {
      waiting_for: waitingFor,
      parents: parents.map(({ taskId, status, phase }) => ({ task_id: taskId, status, phase })),
      parents_truncated: parents.length < waitingFor,
    },
  };
}

function debounced(
  { nextAttemptAt }: WhyFacts,
  { key, latestAt, submissions }: NonNullable<WhyFacts["debounce"]>,
): Why {
  const at = nextAttemptAt?.toISOString() ?? null;
  const latest = latestAt.toISOString();
  return {
    reason: "debounced",
    summary: `It starts at ${at ?? "a later time"} unless it is submitted again, and at ${latest} in any case; ${times(submissions, "submission")} so far.`,
    details: { key, starts_at: at, latest_start_at: latest, submissions },
  };
}

function later(
  { nextAttemptAt, attempts, maxAttempts, error }: WhyFacts,
  reason: "scheduled" | "retry_wait",
): Why {
  const at = nextAttemptAt?.toISOString() ?? null;
  if (reason === "scheduled")
    return { reason, summary: `It is to start at ${at ?? "a later time"}.`, details: { starts_at: at } };
  const cause = error === null ? "" : ` with ${error.code}`;
  return {
    reason,
    summary: `Attempt ${attempts} failed${cause}; the next one starts at ${at ?? "a later time"}.`,
    details: { next_attempt_at: at, attempts, max_attempts: maxAttempts, error },
  };
}

function held(facts: WhyFacts): Why | null {
  if (facts.heldBy?.kind === "breaker") return behindBreaker(facts.heldBy.origin, facts.breaker);
  if (facts.heldBy?.kind === "limit") return behindLimit(facts.heldBy, facts.limit);
  const { pause } = facts;
  if (pause === null) return null;
  const why = pause.reason === null ? "" : ` (${pause.reason})`;
  return {
    reason: pause.isLane ? "paused_lane" : "paused_type",
    summary: `The ${pause.isLane ? "lane" : "task type"} ${pause.name} is paused${why}.`,
    details: { name: pause.name, paused_at: pause.pausedAt.toISOString(), pause_reason: pause.reason },
  };
}

function behindBreaker(origin: string, breaker: Breaker | null): Why {
  const details = {
    origin,
    state: breaker?.kind ?? null,
    since: timeOf(breaker?.sinceMs),
    next_probe_at: breaker?.kind === "open" ? timeOf(breaker.probeAtMs) : null,
    opened_for: breaker !== null && "reason" in breaker ? breaker.reason : null,
  };
  return { reason: "breaker", summary: `${breakerSentence(origin, breaker)}.`, details };
}

function breakerSentence(origin: string, breaker: Breaker | null): string {
  switch (breaker?.kind) {
    case "open":
      return `Calls to ${origin} are stopped because it fails; the next probe may start at ${timeOf(breaker.probeAtMs)}`;
    case "half_open":
      return `Calls to ${origin} are stopped because it failed, and a probe finds out whether it is back`;
    case "closing":
      return `${origin} is back, and gets its calls in growing portions`;
    case "forced_open":
      return `An operator has stopped calls to ${origin}`;
    default:
      return `Calls to ${origin} were stopped, and go on now`;
  }
}

function behindLimit({ scope, name }: Extract<GuardName, { kind: "limit" }>, limit: WhyFacts["limit"]): Why {
  const bounds = [
    limit?.ratePerSecond == null ? null : `${limit.ratePerSecond} per second`,
    limit?.maxConcurrent == null ? null : `${limit.maxConcurrent} at once`,
  ].filter((bound) => bound !== null);
  const allowed = bounds.length === 0 ? "was limited" : `is limited to ${bounds.join(" and ")}`;
  return {
    reason: "limit",
    summary: `The ${scope} ${name} ${allowed}, and others come first.`,
    details: {
      ...{ scope, name },
      rate_per_second: limit?.ratePerSecond ?? null,
      max_concurrent: limit?.maxConcurrent ?? null,
    },
  };
}

function queued(facts: WhyFacts): Why {
  const { taskType, lane, priority, capableWorkers, ahead, turn } = facts;
  if (capableWorkers === 0)
    return {
      reason: "no_worker",
      summary: `No worker that is there can run ${taskType}.`,
      details: { task_type: taskType, capable_workers: 0 },
    };
  if (facts.isAlone)
    return {
      reason: "quarantine",
      summary:
        "It is in quarantine, because workers died with it, and waits for its turn: one task at a time runs alone on each worker.",
      details: { capable_workers: capableWorkers },
    };
  if (turn !== null) return inTurn({ lane, priority, capableWorkers, turn });
  const count = ahead === null ? "other" : `${ahead.isCapped ? "more than " : ""}${ahead.tasks}`;
  const details = {
    ...{ lane, priority, ahead: ahead?.tasks ?? null, ahead_capped: ahead?.isCapped ?? false },
    capable_workers: capableWorkers,
  };
  return {
    reason: "lane_position",
    summary: `It waits in the lane ${lane} for a free slot; ${count} ${ahead?.tasks === 1 ? "task is" : "tasks are"} before it.`,
    details,
  };
}

function inTurn({
  lane,
  priority,
  capableWorkers,
  turn,
}: Pick<WhyFacts, "lane" | "priority" | "capableWorkers"> & {
  readonly turn: NonNullable<WhyFacts["turn"]>;
}): Why {
  const { tenant, others, areOthersCapped, ahead } = turn;
  const own = tenant === null ? "without a tenant" : `of tenant ${tenant}`;
  const company = `${areOthersCapped ? "more than " : ""}${times(others, "other tenant")}`;
  const count = `${ahead.isCapped ? "more than " : ""}${times(ahead.tasks, "task")}`;
  const before = `${count} ${own} ${ahead.tasks === 1 ? "is" : "are"} before it`;
  return {
    reason: "tenant_turn",
    summary: `It waits in the lane ${lane} for its tenant's turn, which goes round with ${company}; ${before}.`,
    details: {
      ...{ lane, priority, tenant, ahead_of_tenant: ahead.tasks, ahead_of_tenant_capped: ahead.isCapped },
      ...{ other_tenants: others, other_tenants_capped: areOthersCapped, capable_workers: capableWorkers },
    },
  };
}

function times(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
