import { describe, expect, test } from "bun:test";
import { ATTEMPT_NUMBER_MAX, LOST_ATTEMPTS_MAX } from "@millrace/core/limits";
import {
  type OpenState,
  phaseOf,
  statusOf,
  type TaskEvent,
  type TaskState,
  transition,
} from "@millrace/core/state";
import * as fc from "fast-check";

const NOW_MS = 1_000_000;
const OPEN: OpenState = {
  kind: "open",
  attempt: 0,
  failures: 0,
  losses: 0,
  maxAttempts: 3,
  claimedBy: null,
  waitingFor: 0,
  readyAtMs: NOW_MS,
};
const claimed = (state: Partial<OpenState> = {}): OpenState => ({
  ...OPEN,
  attempt: 1,
  claimedBy: "a",
  ...state,
});
const by = { attempt: 1, session: "a" };
const AGAIN_MS = NOW_MS + 500;

const ENDINGS: readonly TaskEvent[] = [
  { kind: "complete", ...by },
  { kind: "retry", ...by, readyAtMs: AGAIN_MS },
  { kind: "bury", ...by },
  { kind: "lose", ...by, readyAtMs: AGAIN_MS },
  { kind: "give_back", ...by, readyAtMs: AGAIN_MS },
];
const CLAIM: TaskEvent = { kind: "claim", ...by };
const REDRIVE: TaskEvent = { kind: "redrive", readyAtMs: AGAIN_MS };
const ANY_EVENT: readonly TaskEvent[] = [
  ...ENDINGS,
  CLAIM,
  { kind: "cancel" },
  { kind: "release", atMs: NOW_MS },
  { kind: "fail_with_parent" },
  REDRIVE,
];

/** The state after the events; each must be accepted. */
function after(state: TaskState, ...events: readonly TaskEvent[]): TaskState {
  return events.reduce<TaskState>((before, event) => {
    const next = transition(before, event);
    if (next === null) throw new Error(`${event.kind} was refused in ${JSON.stringify(before)}`);
    return next;
  }, state);
}

function open(state: TaskState): OpenState {
  if (state.kind !== "open") throw new Error(`it has ended: ${JSON.stringify(state)}`);
  return state;
}

describe("the end", () => {
  test.each(["completed", "dead", "cancelled"] as const)(
    "invariant 1: nothing but a redrive changes what is %s",
    (how) => {
      const state: TaskState = { kind: "ended", how, attempt: 1, maxAttempts: 3 };
      for (const event of ANY_EVENT.filter(({ kind }) => kind !== "redrive"))
        expect(transition(state, event)).toBeNull();
    },
  );

  test("invariant 1: each way to end leads to the end of that name", () => {
    expect(after(claimed(), { kind: "complete", ...by })).toMatchObject({ kind: "ended", how: "completed" });
    expect(after(claimed(), { kind: "bury", ...by })).toMatchObject({ kind: "ended", how: "dead" });
    expect(after(claimed(), { kind: "cancel" })).toMatchObject({ kind: "ended", how: "cancelled" });
  });
});

describe("claims", () => {
  test("invariant 2: a second claim is refused while the first lives, also by the same session", () => {
    for (const session of ["a", "b"])
      for (const attempt of [1, 2])
        expect(transition(claimed(), { kind: "claim", attempt, session })).toBeNull();
  });

  test("invariant 2: attempts only grow, whatever happens", () => {
    fc.assert(
      fc.property(fc.array(anyEvent(), { maxLength: 40 }), (events) => {
        let state: TaskState = OPEN;
        for (const event of events) {
          const next = transition(state, event);
          if (next === null) continue;
          expect(next.attempt).toBeGreaterThanOrEqual(state.attempt);
          if (event.kind === "claim") expect(next.attempt).toBe(state.attempt + 1);
          state = next;
        }
      }),
    );
  });

  test.each(ENDINGS)("invariant 3: a stranger, or an earlier attempt, cannot $kind", (event) => {
    const state = claimed({ attempt: 2 });
    expect(transition(state, { ...event, attempt: 2, session: "b" } as TaskEvent)).toBeNull();
    expect(transition(state, { ...event, attempt: 1, session: "a" } as TaskEvent)).toBeNull();
    expect(transition({ ...state, claimedBy: null }, { ...event, attempt: 2 } as TaskEvent)).toBeNull();
    expect(transition(state, { ...event, attempt: 2, session: "a" } as TaskEvent)).not.toBeNull();
  });

  test.each(ENDINGS)("invariant 4: after $kind the same attempt cannot end again", (event) => {
    const state = after(claimed(), event);
    for (const second of ENDINGS) expect(transition(state, second)).toBeNull();
  });

  test.each([
    ["claimed", claimed()],
    ["waiting for a parent", { ...OPEN, waitingFor: 1 }],
    ["dead", { kind: "ended", how: "dead", attempt: 0, maxAttempts: 3 }],
  ] as const)("invariant 7: what is %s cannot be claimed", (_, state) => {
    expect(transition(state, CLAIM)).toBeNull();
  });

  test.each([0, 2, 3, -1])("invariant 7: attempt %d does not follow attempt 0", (attempt) => {
    expect(transition(OPEN, { kind: "claim", attempt, session: "a" })).toBeNull();
  });

  test("invariant 7: what is unclaimed and waits for nobody is claimed with the next number", () => {
    expect(after(OPEN, CLAIM)).toEqual({ ...OPEN, attempt: 1, claimedBy: "a" });
  });
});

describe("counts", () => {
  test("invariant 5: a failure counts once, losses count apart, and giving back counts nothing", () => {
    const retry = open(after(claimed(), { kind: "retry", ...by, readyAtMs: AGAIN_MS }));
    expect(retry).toEqual({ ...OPEN, attempt: 1, failures: 1, readyAtMs: AGAIN_MS });
    const lost = open(after(claimed(), { kind: "lose", ...by, readyAtMs: AGAIN_MS }));
    expect(lost).toEqual({ ...OPEN, attempt: 1, losses: 1, readyAtMs: AGAIN_MS });
    const returned = open(after(claimed(), { kind: "give_back", ...by, readyAtMs: AGAIN_MS }));
    expect(returned).toEqual({ ...OPEN, attempt: 1, readyAtMs: AGAIN_MS });
  });

  test("invariant 6: losses up to the bound leave the task open, one more buries it", () => {
    const lose: TaskEvent = { kind: "lose", ...by, readyAtMs: AGAIN_MS };
    expect(after(claimed({ losses: LOST_ATTEMPTS_MAX - 1 }), lose).kind).toBe("open");
    expect(after(claimed({ losses: LOST_ATTEMPTS_MAX }), lose)).toMatchObject({ how: "dead" });
  });

  test.each(["retry", "lose", "give_back"] as const)(
    "invariant 10: %s buries an attempt whose number is the last, and leaves the one before open",
    (kind) => {
      const last = { attempt: ATTEMPT_NUMBER_MAX, session: "a", readyAtMs: AGAIN_MS };
      expect(after(claimed({ attempt: ATTEMPT_NUMBER_MAX }), { kind, ...last })).toMatchObject({
        how: "dead",
      });
      const before = { ...last, attempt: ATTEMPT_NUMBER_MAX - 1 };
      expect(after(claimed({ attempt: before.attempt }), { kind, ...before }).kind).toBe("open");
    },
  );

  test("invariant 10: what has used its last number cannot be redriven", () => {
    const dead: TaskState = { kind: "ended", how: "dead", attempt: ATTEMPT_NUMBER_MAX, maxAttempts: 3 };
    expect(transition(dead, REDRIVE)).toBeNull();
    expect(transition({ ...dead, attempt: dead.attempt - 1 }, REDRIVE)).not.toBeNull();
  });
});

describe("cancelling and redriving", () => {
  test.each(ENDINGS)("invariant 8: once cancelled, the running attempt cannot $kind", (event) => {
    expect(transition(after(claimed(), { kind: "cancel" }), event)).toBeNull();
  });

  test("invariant 8: cancelling between attempts uses up the next number, so that its message is of no use", () => {
    const cancelled = after({ ...OPEN, attempt: 1 }, { kind: "cancel" });
    expect(cancelled).toEqual({ kind: "ended", how: "cancelled", attempt: 2, maxAttempts: 3 });
    const again = after(cancelled, REDRIVE);
    expect(transition(again, { kind: "claim", attempt: 2, session: "a" })).toBeNull();
    expect(transition(again, { kind: "claim", attempt: 3, session: "a" })).not.toBeNull();
  });

  test.each(["dead", "cancelled"] as const)(
    "invariant 9: a redrive of what is %s keeps number and policy, and counts failures afresh",
    (how) => {
      expect(after({ kind: "ended", how, attempt: 4, maxAttempts: 7 }, REDRIVE)).toEqual({
        ...OPEN,
        attempt: 4,
        maxAttempts: 7,
        readyAtMs: AGAIN_MS,
      });
    },
  );

  test("invariant 9: neither what is open nor what has completed can be redriven", () => {
    expect(transition(OPEN, REDRIVE)).toBeNull();
    expect(transition(claimed(), REDRIVE)).toBeNull();
    expect(transition({ kind: "ended", how: "completed", attempt: 1, maxAttempts: 3 }, REDRIVE)).toBeNull();
  });
});

describe("parents", () => {
  const waiting: OpenState = { ...OPEN, waitingFor: 2 };
  const RELEASE: TaskEvent = { kind: "release", atMs: NOW_MS };

  test("invariant 11: each parent counts once, and after the last one none does", () => {
    const one = after(waiting, RELEASE);
    expect(one).toEqual({ ...waiting, waitingFor: 1 });
    expect(transition(one, CLAIM)).toBeNull();
    const none = after(one, RELEASE);
    expect(transition(none, CLAIM)).not.toBeNull();
    expect(transition(none, RELEASE)).toBeNull();
    expect(transition(claimed(), RELEASE)).toBeNull();
  });

  test("invariant 11: the last parent makes the task due at that moment, or at its own time, if that is later", () => {
    const last: TaskEvent = { kind: "release", atMs: NOW_MS + 5 };
    expect(open(after({ ...waiting, waitingFor: 1 }, last)).readyAtMs).toBe(NOW_MS + 5);
    const later = { ...waiting, waitingFor: 1, readyAtMs: NOW_MS + 900 };
    expect(open(after(later, last)).readyAtMs).toBe(NOW_MS + 900);
  });

  test("invariant 12: a parent that fails ends who waits, with the next number, and nobody else", () => {
    const FAIL: TaskEvent = { kind: "fail_with_parent" };
    expect(after({ ...waiting, attempt: 3 }, FAIL)).toEqual({
      ...{ kind: "ended", how: "dead", attempt: 4, maxAttempts: 3 },
    });
    expect(transition(OPEN, FAIL)).toBeNull();
    expect(transition(claimed(), FAIL)).toBeNull();
  });

  test("invariant 13: what comes back waits for the parents that are open then", () => {
    const failed = after(waiting, { kind: "fail_with_parent" });
    const back = open(after(failed, { kind: "redrive", readyAtMs: AGAIN_MS, waitingFor: 2 }));
    expect([back.waitingFor, phaseOf(back, NOW_MS)]).toEqual([2, "waiting"]);
  });
});

describe("phases", () => {
  test.each([
    ["waiting", { ...OPEN, waitingFor: 1 }, "pending"],
    ["queued", OPEN, "pending"],
    ["scheduled", { ...OPEN, readyAtMs: NOW_MS + 1 }, "pending"],
    ["retry_wait", { ...OPEN, attempt: 1, readyAtMs: NOW_MS + 1 }, "pending"],
    ["running", claimed({ readyAtMs: NOW_MS + 1 }), "running"],
    ["done", { kind: "ended", how: "completed", attempt: 1, maxAttempts: 3 }, "completed"],
    ["dead", { kind: "ended", how: "dead", attempt: 1, maxAttempts: 3 }, "failed"],
    ["cancelled", { kind: "ended", how: "cancelled", attempt: 1, maxAttempts: 3 }, "cancelled"],
  ] as const)("%s", (phase, state, status) => {
    expect(phaseOf(state, NOW_MS)).toBe(phase);
    expect(statusOf(phase)).toBe(status);
  });

  test("parked is pending", () => {
    expect(statusOf("parked")).toBe("pending");
  });

  test("what is held is parked once it is due, and not before; what runs, waits or has ended is not held", () => {
    expect(phaseOf(OPEN, NOW_MS, true)).toBe("parked");
    expect(phaseOf({ ...OPEN, readyAtMs: NOW_MS + 1 }, NOW_MS, true)).toBe("scheduled");
    expect(phaseOf({ ...OPEN, claimedBy: "a" }, NOW_MS, true)).toBe("running");
    expect(phaseOf({ ...OPEN, waitingFor: 1 }, NOW_MS, true)).toBe("waiting");
    const ended: TaskState = { kind: "ended", how: "completed", attempt: 1, maxAttempts: 3 };
    expect(phaseOf(ended, NOW_MS, true)).toBe("done");
  });
});

function anyEvent(): fc.Arbitrary<TaskEvent> {
  const attempt = fc.integer({ min: 1, max: 6 });
  const session = fc.constantFrom("a", "b");
  const readyAtMs = fc.constant(AGAIN_MS);
  return fc.oneof(
    fc.record({ kind: fc.constantFrom("claim", "complete", "bury"), attempt, session }),
    fc.record({ kind: fc.constantFrom("retry", "lose", "give_back"), attempt, session, readyAtMs }),
    fc.record({ kind: fc.constant("redrive"), readyAtMs, waitingFor: fc.nat(2) }),
    fc.record({ kind: fc.constant("release"), atMs: readyAtMs }),
    fc.constant({ kind: "fail_with_parent" } as const),
    fc.constant({ kind: "cancel" } as const),
  ) as fc.Arbitrary<TaskEvent>;
}
