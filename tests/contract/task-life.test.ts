import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { TaskEvent, TaskState } from "@millrace/core/state";
import { claimAttempts, findTask, type Sql, settleAttempts } from "@millrace/store";
import * as fc from "fast-check";
import {
  apply,
  enact,
  expectAgreement,
  FAR_MS,
  type Life,
  type Model,
  newLife,
} from "../support/task-life.ts";
import {
  completion,
  failure,
  newTask,
  openTaskStore,
  submitClaimed,
  submitMany,
  submitOne,
  type TaskStore,
} from "../support/task-store.ts";

/**
 * The state machine of packages/core/state.ts and the statements of packages/store/tasks must be one and the same: both
 * get the same random events, and are compared after each. A failure prints its seed and the shortest way to it.
 */
let store: TaskStore;
let sql: Sql;
beforeAll(async () => {
  store = await openTaskStore(25);
  sql = store.sql;
});
afterAll(() => store.close());

const SESSIONS = ["w1~a", "w1~b", "w2~a"] as const;

/** Attempts are named by their distance from the present one, so that random events hit often, and miss sometimes. */
type Move = (state: TaskState) => TaskEvent;

const session = fc.constantFrom(...SESSIONS);
const distance = fc.constantFrom(0, 0, 0, 0, -1, 1);
const delayMs = fc.constantFrom(0, 0, FAR_MS);

/** Usually the session that holds the claim, sometimes another. */
const holder = fc.record({ stranger: session, isStranger: fc.constantFrom(false, false, false, true) });
const holderOf = (state: TaskState, { stranger, isStranger }: { stranger: string; isStranger: boolean }) =>
  isStranger || state.kind === "ended" ? stranger : (state.claimedBy ?? stranger);

const claim: fc.Arbitrary<Move> = fc.record({ session, by: distance }).map((choice) => (state) => ({
  kind: "claim",
  session: choice.session,
  attempt: Math.max(0, state.attempt + 1 + choice.by),
}));
const ending: fc.Arbitrary<Move> = fc
  .record({
    kind: fc.constantFrom("complete", "retry", "retry", "bury", "give_back", "lose", "lose"),
    holder,
    by: distance,
    readyAtMs: delayMs,
  })
  .map((choice) => (state) => {
    const attempt = choice.kind === "lose" ? state.attempt : Math.max(0, state.attempt + choice.by);
    const attemptOf = { attempt, session: holderOf(state, choice.holder) };
    if (choice.kind === "complete" || choice.kind === "bury") return { kind: choice.kind, ...attemptOf };
    // A lost attempt is due at once: its worker is to blame, not the task.
    return { kind: choice.kind, ...attemptOf, readyAtMs: choice.kind === "lose" ? 0 : choice.readyAtMs };
  });
const cancel: fc.Arbitrary<Move> = fc.constant(() => ({ kind: "cancel" }));
const redrive: fc.Arbitrary<Move> = delayMs.map((readyAtMs) => () => ({ kind: "redrive", readyAtMs }));
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: claim },
  { weight: 6, arbitrary: ending },
  { weight: 1, arbitrary: cancel },
  { weight: 2, arbitrary: redrive },
);

let lives = 0;
async function submitLife(): Promise<Life> {
  const taskId = `life-${++lives}`;
  return newLife(taskId, await submitOne(sql, { task_id: taskId }));
}

function runs(numRuns: number): { numRuns: number; seed: number } {
  const seed = (Math.random() * 2 ** 31) | 0;
  process.stdout.write(`task-life: seed ${seed}\n`);
  return { numRuns, seed };
}

describe("the state machine and the statements agree", () => {
  test("after every event of a random life", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 30 }), async (moves) => {
        const life = await submitLife();
        await expectAgreement(sql, life);
        const history: TaskEvent[] = [];
        for (const next of moves) {
          const event = next(life.model.state);
          history.push(event);
          const step = apply(life.model, event);
          const isAccepted = await enact(sql, life.seq, event);
          expect({ history, isAccepted }).toEqual({ history, isAccepted: step.isAccepted });
          life.model = step.model;
          await expectAgreement(sql, life);
        }
      }),
      runs(40),
    );
  });

  test("when two events come at once: what happened is what one order or the other would have done", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 8 }), move, move, async (moves, first, second) => {
        const life = await submitLife();
        for (const next of moves) {
          const event = next(life.model.state);
          await enact(sql, life.seq, event);
          life.model = apply(life.model, event).model;
        }
        const events = [first(life.model.state), second(life.model.state)] as const;
        const before = life.model;
        const accepted = await Promise.all(events.map((event) => enact(sql, life.seq, event)));
        const orders = [inOrder(before, events), inOrder(before, [events[1], events[0]], true)];
        const matching = orders.filter((order) => Bun.deepEquals(order.accepted, accepted));
        const seen = { before: before.state, events, accepted };
        expect({ ...seen, isPossible: matching.length > 0 }).toEqual({ ...seen, isPossible: true });
        await agreesWithOne(life, matching);
      }),
      runs(60),
    );
  });
});

interface Order {
  /** In the order of the events as they were sent. */
  readonly accepted: readonly boolean[];
  readonly model: Model;
}

function inOrder(before: Model, events: readonly [TaskEvent, TaskEvent], isSwapped = false): Order {
  const one = apply(before, events[0]);
  const other = apply(one.model, events[1]);
  const accepted = [one.isAccepted, other.isAccepted];
  return { accepted: isSwapped ? accepted.reverse() : accepted, model: other.model };
}

async function agreesWithOne(life: Life, orders: readonly Order[]): Promise<void> {
  const failures: unknown[] = [];
  for (const { model } of orders) {
    try {
      return await expectAgreement(sql, { ...life, model });
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

describe("of those that compete for one task exactly one wins", () => {
  test("20 claims of one attempt: one is claimed, and 19 are told who holds it", async () => {
    for (let round = 0; round < 10; round++) {
      const seq = await submitOne(sql);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => claimAttempts(sql, `w${index}~x`, [{ seq, attempt: 1 }])),
      );
      const winner = answers.findIndex(([answer]) => answer?.kind === "claimed");
      const held = { kind: "held", by: `w${winner}~x` } as const;
      expect(answers.map(([answer]) => answer)).toEqual(
        answers.map((_, index) => (index === winner ? { kind: "claimed" } : held)),
      );
    }
  });

  test("complete, cancel and lose at the same moment: one is accepted, and the others are told so", async () => {
    const wins: Record<string, number> = {};
    for (let round = 0; round < 40; round++) {
      const task_id = `race-${round}`;
      const holderSession = `w~${round}`;
      const seq = await submitClaimed(sql, holderSession, { task_id });
      const by = { attempt: 1, session: holderSession };
      const events: readonly TaskEvent[] = [
        { kind: "complete", ...by },
        { kind: "cancel" },
        { kind: "lose", ...by, readyAtMs: 0 },
      ];
      // Each round starts with another of the three, so that each has its chance.
      const turned = events.map((_, index) => events[(index + round) % 3] as TaskEvent);
      const accepted = await Promise.all(turned.map((event) => enact(sql, seq, event)));
      const winners = turned.filter((_, index) => accepted[index]).map(({ kind }) => kind);
      // A cancellation also ends what was lost a moment before: then both happened, one after the other.
      if (winners.length > 1) expect([...winners].sort()).toEqual(["cancel", "lose"]);
      const last = winners.length > 1 ? "cancel" : winners[0];
      const phase = last === "complete" ? "done" : last === "cancel" ? "cancelled" : "queued";
      expect({ winners, phase: (await findTask(sql, task_id))?.phase }).toEqual({ winners, phase });
      for (const kind of winners) wins[kind] = (wins[kind] ?? 0) + 1;
    }
    process.stdout.write(`task-life: wins ${JSON.stringify(wins)}\n`);
  });

  test("20 settlements of one attempt by one session: one outcome stands, and all are told that it does", async () => {
    const seq = await submitClaimed(sql, "w~s");
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => settleAttempts(sql, "w~s", [completion(seq)])),
    );
    expect(answers.flat().every(({ kind }) => kind === "settled")).toBe(true);
    expect(await sql`select 1 from outcomes where seq = ${seq}`).toHaveLength(1);
  });

  test("a settlement that contradicts the one that stands is refused", async () => {
    const seq = await submitClaimed(sql, "w~s");
    await settleAttempts(sql, "w~s", [completion(seq)]);
    expect(await settleAttempts(sql, "w~s", [failure(seq)])).toEqual([{ kind: "refused" }]);
  });
});

describe("overlapping batches in opposite orders", () => {
  const ROUNDS = 15;
  const BATCH = 300;

  test("of claims: each task is claimed once, nobody deadlocks", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const seqs = await submitMany(
        sql,
        Array.from({ length: BATCH }, () => newTask()),
      );
      const claims = seqs.map((seq) => ({ seq, attempt: 1 }));
      const answers = await Promise.all([
        claimAttempts(sql, "w1~x", claims),
        claimAttempts(sql, "w2~x", [...claims].reverse()),
      ]);
      expect(answers.flat().filter(({ kind }) => kind === "claimed")).toHaveLength(BATCH);
      expect(answers.flat().filter(({ kind }) => kind === "held")).toHaveLength(BATCH);
    }
  });

  test.each([
    ["completions", completion],
    ["failures", failure],
  ] as const)(
    "of %s, told twice by one session: each is written once, nobody deadlocks",
    async (_, settlement) => {
      for (let round = 0; round < ROUNDS; round++) {
        const seqs = await submitMany(
          sql,
          Array.from({ length: BATCH }, () => newTask()),
        );
        await claimAttempts(
          sql,
          "w1~x",
          seqs.map((seq) => ({ seq, attempt: 1 })),
        );
        const settlements = seqs.map((seq) => settlement(seq));
        const answers = await Promise.all([
          settleAttempts(sql, "w1~x", settlements),
          settleAttempts(sql, "w1~x", [...settlements].reverse()),
        ]);
        expect(answers.flat().every(({ kind }) => kind === "settled")).toBe(true);
      }
    },
  );
});
