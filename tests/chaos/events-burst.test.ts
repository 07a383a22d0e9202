import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHAOS_TEST_MS } from "../support/chaos.ts";
import { newDice } from "../support/dice.ts";
import { runBurst } from "../support/event-burst.ts";
import { type RunningStack, startStack } from "../support/running-stack.ts";

/** As large as fits into less than a minute; `bun run bench events-burst` has five million. */
const EVENTS = 1_000_000;

let stack: RunningStack;
beforeAll(async () => {
  stack = await startStack({ LOG_LEVEL: "WARNING" });
}, CHAOS_TEST_MS);
afterAll(() => stack?.stop(), CHAOS_TEST_MS);

test(
  "a burst through the api, recorder killed five times, NATS and PostgreSQL once each: stored = accepted, none twice, ledger even",
  async () => {
    const report = await runBurst(stack, {
      events: EVENTS,
      dice: newDice(),
      deadlineMs: CHAOS_TEST_MS - 20_000,
    });
    expect(report.killed.toSorted()).toEqual([
      ...["nats", "postgres", "recorder", "recorder", "recorder", "recorder", "recorder"],
    ]);
    expect(report).toMatchObject({ accepted: EVENTS, stored: EVENTS, duplicates: 0 });
    const { isEven, unaccounted, accepted, stored, deduplicated } = report.ledger;
    expect({ isEven, unaccounted, stored }).toEqual({ isEven: true, unaccounted: 0, stored: EVENTS });
    expect(accepted).toBe(EVENTS + deduplicated);
  },
  CHAOS_TEST_MS,
);
