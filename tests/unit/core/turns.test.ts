import { describe, expect, test } from "bun:test";
import { PRIORITY_MAX, PRIORITY_MIN } from "@millrace/core/limits";
import { FAIR_TURN_EVERY, levelOrder, STARVATION_TURNS_MAX } from "@millrace/core/turns";
import * as fc from "fast-check";

const ALL = Array.from({ length: PRIORITY_MAX - PRIORITY_MIN + 1 }, (_, index) => PRIORITY_MIN + index);

/** Who is served in this turn when each of these levels always has work. */
function served(turn: number, busyLevels: ReadonlySet<number>): number {
  const level = levelOrder(turn).find((one) => busyLevels.has(one));
  if (level === undefined) throw new Error("a turn asked none of the levels that have work");
  return level;
}

describe("levelOrder", () => {
  test("every turn asks every level once", () => {
    for (let turn = 0; turn < STARVATION_TURNS_MAX * 2; turn++)
      expect([...levelOrder(turn)].sort((a, b) => a - b)).toEqual(ALL);
  });

  test("ordinary turns go from the most urgent down", () => {
    const urgentFirst = [...ALL].reverse();
    for (let turn = 0; turn < FAIR_TURN_EVERY - 1; turn++) expect(levelOrder(turn)).toEqual(urgentFirst);
  });

  test("a fair turn starts with a level of its own, and is urgent first after that", () => {
    expect(levelOrder(FAIR_TURN_EVERY - 1)).toEqual([1, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    expect(levelOrder(2 * FAIR_TURN_EVERY - 1)).toEqual([2, 10, 9, 8, 7, 6, 5, 4, 3, 1]);
  });

  test("it repeats itself, also after years of turns", () => {
    for (const turn of [0, 4, 7, 49])
      expect(levelOrder(turn + STARVATION_TURNS_MAX * 1e12)).toEqual(levelOrder(turn));
  });
});

describe("starvation", () => {
  test("whichever levels never run dry, each is served within STARVATION_TURNS_MAX turns, from any turn on", () => {
    fc.assert(
      fc.property(
        fc.subarray(ALL, { minLength: 1 }),
        fc.integer({ min: 0, max: 10 * STARVATION_TURNS_MAX }),
        (levels, firstTurn) => {
          const busy = new Set(levels);
          const seen = new Set<number>();
          for (let turn = firstTurn; turn < firstTurn + STARVATION_TURNS_MAX; turn++)
            seen.add(served(turn, busy));
          expect([...seen].sort((a, b) => a - b)).toEqual(levels);
        },
      ),
    );
  });

  test("every subset of the levels, from turn 0", () => {
    for (let mask = 1; mask < 2 ** ALL.length; mask++) {
      const busy = new Set(ALL.filter((_, index) => (mask & (1 << index)) !== 0));
      const seen = new Set(Array.from({ length: STARVATION_TURNS_MAX }, (_, turn) => served(turn, busy)));
      expect(seen.size).toBe(busy.size);
    }
  });

  test("urgency keeps at least four turns of five", () => {
    const everyLevel = new Set(ALL);
    const turns = Array.from({ length: STARVATION_TURNS_MAX }, (_, turn) => served(turn, everyLevel));
    const urgent = turns.filter((level) => level === PRIORITY_MAX).length;
    expect(urgent / turns.length).toBeGreaterThanOrEqual(0.8);
  });
});
