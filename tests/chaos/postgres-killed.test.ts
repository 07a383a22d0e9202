import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos, type Wish } from "../support/chaos.ts";
import { expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";
import type { Answer } from "../support/running-stack.ts";

const TASKS = 5_000;
const SINGLES = 500;
const CLIENTS = 8;
/** The statement time-out, and what a busy machine adds. */
const ANSWER_MS_MAX = 14_000;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

interface Tried {
  readonly answer: Answer;
  readonly tookMs: number;
}

test(
  "kill -9 of PostgreSQL in the middle of 5 000 tasks loses none and completes none twice; clients are told to come again",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const bulk = wishes.slice(0, TASKS - SINGLES);
    const singles = wishes.slice(bulk.length);
    const submitting = chaos.submitAll(bulk);
    await chaos.untilEnded(dice.between(100, 1_000));
    await chaos.crash("postgres");
    await chaos.untilEnded(dice.between(1_100, 3_000));
    const tries: Tried[] = [];
    const clients = Array.from({ length: CLIENTS }, () => client(singles, tries));
    await chaos.kill9("postgres");
    await Promise.all(clients);
    await submitting;
    await chaos.untilEnded(TASKS, 100_000);
    await expectExactlyOnce(chaos, wishes);
    expectComeAgain(tries);
  },
  CHAOS_TEST_MS,
);

/** Repeats each task with the same id until it is taken. */
async function client(queue: Wish[], tries: Tried[]): Promise<void> {
  for (let wish = queue.pop(); wish !== undefined; wish = queue.pop())
    for (let isTaken = false; !isTaken; ) {
      const fromMs = performance.now();
      const answer = await chaos.stack.call("POST", "/api/tasks", wish);
      tries.push({ answer, tookMs: performance.now() - fromMs });
      isTaken = answer.status === 201 || answer.status === 200;
      if (!isTaken) await Bun.sleep(100); // A client that was told to wait.
    }
}

function expectComeAgain(tries: readonly Tried[]): void {
  const refusals = tries.filter(({ answer }) => answer.status !== 201 && answer.status !== 200);
  expect(refusals.length).toBeGreaterThan(0);
  for (const { answer } of refusals) {
    expect([answer.status, answer.body]).toEqual([
      503,
      expect.objectContaining({ code: "STORE_UNAVAILABLE" }),
    ]);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(Math.max(...tries.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWER_MS_MAX);
}
