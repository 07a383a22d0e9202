import { expect } from "bun:test";
import { type OpenState, phaseOf, type TaskEvent, type TaskState, transition } from "@millrace/core/state";
import {
  cancelTask,
  claimAttempts,
  findTask,
  listAttempts,
  listDeadLetters,
  loseClaims,
  reopenTask,
  type Settlement,
  type Sql,
  settleAttempts,
} from "@millrace/store";

/** One task, in the state machine of core and in PostgreSQL. */
export interface Life {
  readonly taskId: string;
  readonly seq: number;
  model: Model;
}

export interface Model {
  readonly state: TaskState;
  /** Outcomes as they were written: who says the same again is told that it counts, and changes nothing. */
  readonly written: ReadonlySet<string>;
}

/** Delays in these tests are either nothing or so long that no test sees their end. */
export const FAR_MS = 3_600_000;

export function newLife(taskId: string, seq: number): Life {
  const state: OpenState = {
    kind: "open",
    attempt: 0,
    failures: 0,
    losses: 0,
    maxAttempts: 3,
    claimedBy: null,
    waitingFor: 0,
    readyAtMs: 0,
  };
  return { taskId, seq, model: { state, written: new Set() } };
}

/** Does in PostgreSQL what the event says; true when it was accepted. */
export async function enact(sql: Sql, seq: number, event: TaskEvent): Promise<boolean> {
  switch (event.kind) {
    case "claim": {
      const [answer] = await claimAttempts(sql, event.session, [{ seq, attempt: event.attempt }]);
      return answer?.kind === "claimed";
    }
    case "cancel":
      return (await cancelTask(sql, seq, "not wanted")) !== null;
    case "release":
    case "fail_with_parent":
      throw new Error(
        "a life is that of one task; tests/unit/store/tasks/advance-graphs.test.ts has the others",
      );
    case "redrive":
      return await reopenTask(sql, { seq, redrivenBy: 1, delayMs: event.readyAtMs });
    case "lose":
      return (await loseClaims(sql, event.session)).some((lost) => lost.seq === seq);
    default: {
      const [answer] = await settleAttempts(sql, event.session, [settlementOf(seq, event)]);
      return answer?.kind === "settled";
    }
  }
}

type Ending = Extract<TaskEvent, { kind: "complete" | "retry" | "bury" | "give_back" }>;

function settlementOf(seq: number, event: Ending): Settlement {
  const { attempt } = event;
  const error = { error_code: "BOOM", error_message: "it failed" };
  switch (event.kind) {
    case "complete":
      return { seq, attempt, kind: "completed", result: { attempt } };
    case "bury":
      return { seq, attempt, kind: "dead", ...error };
    case "retry":
      return { seq, attempt, kind: "failed", ...error, delay_ms: event.readyAtMs };
    case "give_back":
      return { seq, attempt, kind: "returned", delay_ms: event.readyAtMs };
  }
}

export interface Step {
  readonly isAccepted: boolean;
  readonly model: Model;
}

/** What the model makes of the event. The store takes back whatever claim the session holds, whichever attempt it is. */
export function apply(model: Model, asked: TaskEvent): Step {
  const { state, written } = model;
  const event = asked.kind === "lose" ? { ...asked, attempt: state.attempt } : asked;
  const next = transition(state, event);
  const word = wordOf(event, next ?? state);
  if (next === null)
    return { isAccepted: event.kind !== "lose" && word !== null && written.has(word), model };
  return {
    isAccepted: true,
    model: { state: next, written: new Set(word === null ? written : [...written, word]) },
  };
}

/** The outcome that the event writes down; null for events that end no attempt. */
function wordOf(event: TaskEvent, after: TaskState): string | null {
  if (!("session" in event) || event.kind === "claim") return null;
  const isLastLoss = event.kind === "lose" && after.kind === "ended";
  return `${event.attempt} ${event.session} ${isLastLoss ? "bury" : event.kind}`;
}

/** What PostgreSQL says of the task is what the model says. */
export async function expectAgreement(sql: Sql, life: Life): Promise<void> {
  const { state } = life.model;
  const record = await findTask(sql, life.taskId);
  const phase = phaseOf(state, 1);
  expect(record).toMatchObject({ seq: life.seq, phase });
  const attempts = await listAttempts(sql, life.seq);
  const numbers = attempts.map(({ attempt }) => attempt);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  expect(numbers.at(-1) ?? 0).toBe(state.attempt);
  const [row] = await sql`
    select attempt, failures, losses, claimed_by as "claimedBy" from open_tasks where seq = ${life.seq}`;
  const letters = await listDeadLetters(sql, { ownerId: null, taskIds: [life.taskId], limit: 2 });
  expect(letters).toHaveLength(phase === "dead" ? 1 : 0);
  if (state.kind === "ended") expect(row).toBeUndefined();
  else {
    const { attempt, failures, losses, claimedBy } = state;
    expect(row).toEqual({ attempt, failures, losses, claimedBy });
  }
}
