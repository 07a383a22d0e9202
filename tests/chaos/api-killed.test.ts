import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS, type Chaos, mixedTasks, startChaos, type Wish } from "../support/chaos.ts";
import { expectExactlyOnce } from "../support/chaos-verdict.ts";
import { newDice } from "../support/dice.ts";
import { isOfConnection, onceItAnswers } from "../support/retrying.ts";

const TASKS = 5_000;
const CLIENTS = 16;

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos({ extraWorkers: 1 });
}, CHAOS_TEST_MS);
afterAll(() => chaos?.close());

test(
  "kill -9 of the api under load: what was answered 201 exists and is done once, and sending again does nothing twice",
  async () => {
    const dice = newDice();
    const wishes = mixedTasks(TASKS, chaos, dice);
    const queue = [...wishes];
    const accepted: string[] = [];
    const unanswered: Wish[] = [];
    const clients = Array.from({ length: CLIENTS }, () => client(queue, accepted, unanswered));
    for (const count of [dice.between(100, 800), dice.between(1_000, 2_000), dice.between(2_200, 3_500)]) {
      await chaos.untilEnded(count);
      await chaos.crash("api");
    }
    await Promise.all(clients);
    expect(unanswered.length).toBeGreaterThan(0); // Else it was not under load when it died.
    const there = await chaos.sql<{ task_id: string }[]>`select task_id from task_keys`;
    const ids = new Set(there.map((row) => row.task_id));
    expect(accepted.filter((id) => !ids.has(id))).toEqual([]);
    await chaos.submitAll(unanswered);
    await chaos.untilEnded(TASKS);
    await expectExactlyOnce(chaos, wishes);
  },
  CHAOS_TEST_MS,
);

/** Submits one task after the other; what got no answer is left for later. */
async function client(queue: Wish[], accepted: string[], unanswered: Wish[]): Promise<void> {
  for (let wish = queue.pop(); wish !== undefined; wish = queue.pop()) {
    try {
      const { status } = await chaos.stack.call("POST", "/api/tasks", wish);
      expect(status).toBe(201);
      accepted.push(wish.task_id);
    } catch (error) {
      if (!isOfConnection(error)) throw error;
      unanswered.push(wish);
      // However long it is down: what is left shall not be refused.
      await onceItAnswers(() => chaos.stack.call("GET", "/health/live"));
    }
  }
}
