import { ATTEMPT_NUMBER_MAX, LOST_ATTEMPTS_MAX } from "./limits.ts";
import type { TaskPhase, TaskStatus } from "./task.ts";

/**
 * The life of a task, as a pure state machine. PostgreSQL holds the state (`open_tasks`, `outcomes`); this is what its
 * statements must amount to, and the contract test drives both with the same random events and compares them.
 *
 * Invariants (tests name them by number):
 *  1. A task ends exactly once: after `completed`, `dead` or `cancelled` nothing changes it but a redrive.
 *  2. At most one claim is alive at a time; a claim is (task, attempt, session) and attempts only grow.
 *  3. Only the live claim can end its attempt. Whoever lost it is told so and changes nothing.
 *  4. An attempt has at most one outcome.
 *  5. A failure counts once; an attempt lost with its worker, or given back, is no failure.
 *  6. The failure that reaches `maxAttempts` buries the task, and so does the loss that exceeds LOST_ATTEMPTS_MAX.
 *  7. A claim succeeds only on a task that waits for no parent, is unclaimed and unfinished, and only with the next
 *     attempt number. When it is due is its message's business: the clocks of two machines differ, and a claim that is
 *     refused for being early would leave the task without a message.
 *  8. Cancelling wins over a running attempt: its later outcome is refused. Between attempts it uses up the next number.
 *  9. A redrive reopens only what is dead or cancelled, keeps the policy, and starts the failure count afresh.
 * 10. Attempt numbers end at ATTEMPT_NUMBER_MAX: an attempt with that number cannot be followed by another, so what would
 *     try again buries, and no redrive brings it back.
 * 11. Each parent that ends is counted once, while the task waits for it; the last one makes the task due, not before the
 *     time that it was asked for.
 * 12. A parent that does not complete ends a task that waits for it, with DEPENDENCY_FAILED; that uses up the next number
 *     and is no dead letter. A task that runs anyway counts such a parent like any other.
 * 13. A redrive has a task wait again for those of its parents that are open or come back with it.
 */
export interface OpenState {
  readonly kind: "open";
  /** Claims made so far; the next claim carries `attempt + 1`. */
  readonly attempt: number;
  readonly failures: number;
  readonly losses: number;
  readonly maxAttempts: number;
  /** Session that holds the live claim. */
  readonly claimedBy: string | null;
  /** Parents that have not completed yet. */
  readonly waitingFor: number;
  /** Epoch ms from which the next attempt may start. */
  readonly readyAtMs: number;
}

export interface EndState {
  readonly kind: "ended";
  readonly how: "completed" | "dead" | "cancelled";
  readonly attempt: number;
  readonly maxAttempts: number;
}

export type TaskState = OpenState | EndState;

export type TaskEvent =
  | { readonly kind: "claim"; readonly attempt: number; readonly session: string }
  | { readonly kind: "complete"; readonly attempt: number; readonly session: string }
  | { readonly kind: "retry"; readonly attempt: number; readonly session: string; readonly readyAtMs: number }
  | { readonly kind: "bury"; readonly attempt: number; readonly session: string }
  | { readonly kind: "lose"; readonly attempt: number; readonly session: string; readonly readyAtMs: number }
  | {
      readonly kind: "give_back";
      readonly attempt: number;
      readonly session: string;
      readonly readyAtMs: number;
    }
  | { readonly kind: "cancel" }
  /** A parent that it waited for has completed, or has ended otherwise and does not matter to it. */
  | { readonly kind: "release"; readonly atMs: number }
  /** A parent that it waits for has ended without completing. */
  | { readonly kind: "fail_with_parent" }
  /** `waitingFor`: parents that are open; 0 when absent. */
  | { readonly kind: "redrive"; readonly readyAtMs: number; readonly waitingFor?: number };

/** The state after the event, or null when the event is refused and changes nothing. */
export function transition(state: TaskState, event: TaskEvent): TaskState | null {
  if (state.kind === "ended") return event.kind === "redrive" ? redriven(state, event) : null;
  switch (event.kind) {
    case "redrive":
      return null;
    case "cancel":
      return { ...ended(state, "cancelled"), attempt: state.attempt + (state.claimedBy === null ? 1 : 0) };
    case "release":
    case "fail_with_parent":
      return state.waitingFor > 0 ? afterParent(state, event) : null;
    case "claim":
      if (state.claimedBy !== null || state.waitingFor > 0 || event.attempt !== state.attempt + 1)
        return null;
      return { ...state, attempt: event.attempt, claimedBy: event.session };
    default:
      if (state.claimedBy !== event.session || state.attempt !== event.attempt) return null;
      return afterAttempt(state, event);
  }
}

type ParentEvent = Extract<TaskEvent, { kind: "release" | "fail_with_parent" }>;

/** Who waits is not claimed: the attempt that might be running there is none. */
function afterParent(state: OpenState, event: ParentEvent): TaskState {
  if (event.kind === "fail_with_parent") return { ...ended(state, "dead"), attempt: state.attempt + 1 };
  const waitingFor = state.waitingFor - 1;
  return waitingFor > 0
    ? { ...state, waitingFor }
    : { ...state, waitingFor, readyAtMs: Math.max(state.readyAtMs, event.atMs) };
}

type AttemptEvent = Extract<TaskEvent, { kind: "complete" | "retry" | "bury" | "lose" | "give_back" }>;

function afterAttempt(state: OpenState, event: AttemptEvent): TaskState {
  if (event.kind === "complete") return ended(state, "completed");
  if (event.kind === "bury" || state.attempt >= ATTEMPT_NUMBER_MAX) return ended(state, "dead");
  const free = { ...state, claimedBy: null };
  switch (event.kind) {
    case "retry":
      return { ...free, failures: state.failures + 1, readyAtMs: event.readyAtMs };
    case "give_back":
      return { ...free, readyAtMs: event.readyAtMs };
    case "lose":
      if (state.losses + 1 > LOST_ATTEMPTS_MAX) return ended(state, "dead");
      return { ...free, losses: state.losses + 1, readyAtMs: event.readyAtMs };
  }
}

function ended(state: OpenState, how: EndState["how"]): EndState {
  return { kind: "ended", how, attempt: state.attempt, maxAttempts: state.maxAttempts };
}

function redriven(
  state: EndState,
  { readyAtMs, waitingFor = 0 }: Extract<TaskEvent, { kind: "redrive" }>,
): OpenState | null {
  if (state.how === "completed" || state.attempt >= ATTEMPT_NUMBER_MAX) return null;
  const { attempt, maxAttempts } = state;
  return {
    kind: "open",
    attempt,
    maxAttempts,
    failures: 0,
    losses: 0,
    claimedBy: null,
    waitingFor,
    readyAtMs,
  };
}

/** Where a task stands, from its state and the time. `isHeld`: it is due, and may not start for now. */
export function phaseOf(state: TaskState, nowMs: number, isHeld = false): TaskPhase {
  if (state.kind === "ended") return state.how === "completed" ? "done" : state.how;
  if (state.claimedBy !== null) return "running";
  if (state.waitingFor > 0) return "waiting";
  if (state.readyAtMs <= nowMs) return isHeld ? "parked" : "queued";
  return state.attempt === 0 ? "scheduled" : "retry_wait";
}

const STATUS: Readonly<Record<TaskPhase, TaskStatus>> = {
  waiting: "pending",
  scheduled: "pending",
  queued: "pending",
  retry_wait: "pending",
  parked: "pending",
  running: "running",
  done: "completed",
  dead: "failed",
  cancelled: "cancelled",
};

export function statusOf(phase: TaskPhase): TaskStatus {
  return STATUS[phase];
}
