import { describe, expect, test } from "bun:test";
import { Fault, GroupCommit } from "@millrace/core";
import * as fc from "fast-check";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Commits that wait until the test says how they end. */
function heldCommits<Row>() {
  const groups: { rows: readonly Row[]; succeed: () => void; fail: (reason: unknown) => void }[] = [];
  const commit = (rows: readonly Row[]) =>
    new Promise<readonly Row[]>((resolve, reject) => {
      groups.push({ rows, succeed: () => resolve(rows), fail: reject });
    });
  return { groups, commit };
}

describe("grouping", () => {
  test("callers of one turn leave together; callers who come during a flight form the next group", async () => {
    const { groups, commit } = heldCommits<string>();
    const writer = new GroupCommit({ commit, flightsMax: 1 });
    const first = [writer.add("a"), writer.add("b")];
    await nextTurn();
    const second = [writer.add("c"), writer.addAll(["d", "e"])];
    await nextTurn();
    expect(groups.map((group) => group.rows)).toEqual([["a", "b"]]);
    groups[0]?.succeed();
    expect(await Promise.all(first)).toEqual(["a", "b"]);
    await nextTurn();
    groups[1]?.succeed();
    expect(await Promise.all(second)).toEqual(["c", ["d", "e"]]);
    expect(groups.map((group) => group.rows)).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
  });

  test("an answer does not come before the commit", async () => {
    const { groups, commit } = heldCommits<string>();
    const writer = new GroupCommit({ commit });
    let isAnswered = false;
    const answer = writer.add("a").then(() => {
      isAnswered = true;
    });
    await nextTurn();
    await nextTurn();
    expect(isAnswered).toBe(false);
    groups[0]?.succeed();
    await answer;
    expect(isAnswered).toBe(true);
  });

  test("a heavy group ends where its bytes end", async () => {
    const groups: number[][] = [];
    const commit = async (rows: readonly number[]) => {
      groups.push([...rows]);
      return rows;
    };
    const writer = new GroupCommit({ commit, bytesOf: (row) => row, bytesMax: 10 });
    await Promise.all([writer.add(4), writer.add(6), writer.add(1), writer.addAll([20, 1]), writer.add(2)]);
    expect(groups).toEqual([[4, 6], [1], [20, 1], [2]]);
  });

  test("nothing to commit is answered without a flight", async () => {
    const { groups, commit } = heldCommits<string>();
    expect(await new GroupCommit({ commit }).addAll([])).toEqual([]);
    await nextTurn();
    expect(groups).toEqual([]);
  });

  test("onGroup is told the size of each group that left", async () => {
    const sizes: number[] = [];
    const writer = new GroupCommit({
      commit: async (rows: readonly number[]) => rows,
      rowsMax: 2,
      onGroup: (rows) => sizes.push(rows),
    });
    await Promise.all([writer.add(1), writer.add(2), writer.add(3)]);
    expect(sizes).toEqual([2, 1]);
  });
});

describe("failures", () => {
  test("a commit that fails rejects its callers with its reason, and the next group flies", async () => {
    const { groups, commit } = heldCommits<string>();
    const writer = new GroupCommit({ commit, flightsMax: 1 });
    const lost = writer.add("a");
    await nextTurn();
    const kept = writer.add("b");
    const reason = new Fault("STORE_UNAVAILABLE", "gone");
    groups[0]?.fail(reason);
    await expect(lost).rejects.toBe(reason);
    await nextTurn();
    groups[1]?.succeed();
    expect(await kept).toBe("b");
  });

  test.each([
    ["too few answers", async () => []],
    ["too many answers", async () => [1, 2]],
    [
      "a throw instead of a rejection",
      () => {
        throw new Error("at once");
      },
    ],
  ])("%s reject the callers, and the writer goes on", async (_, odd) => {
    let isOdd = true;
    const commit = async (rows: readonly number[]) => (isOdd ? odd() : rows);
    const writer = new GroupCommit({ commit, flightsMax: 1 });
    await expect(writer.add(1)).rejects.toThrow();
    isOdd = false;
    expect(await writer.add(2)).toBe(2);
    await writer.drain();
  });

  test("an onGroup that throws rejects the callers, and no flight is lost", async () => {
    let isBroken = true;
    const writer = new GroupCommit({
      commit: async (rows: readonly number[]) => rows,
      flightsMax: 1,
      onGroup: () => {
        if (isBroken) throw new Error("metrics");
      },
    });
    await expect(writer.add(1)).rejects.toThrow("metrics");
    isBroken = false;
    expect(await writer.add(2)).toBe(2);
  });
});

describe("overload", () => {
  test("rows beyond the bound are refused with OVERLOADED, and those that wait are still committed", async () => {
    const { groups, commit } = heldCommits<number>();
    const writer = new GroupCommit({ commit, waitingMax: 3 });
    const kept = writer.addAll([1, 2]);
    await expect(writer.addAll([3, 4])).rejects.toMatchObject({ code: "OVERLOADED", retryAfterS: 1 });
    const last = writer.add(5);
    await nextTurn();
    expect(groups.map((group) => group.rows)).toEqual([[1, 2, 5]]);
    groups[0]?.succeed();
    expect([await kept, await last]).toEqual([[1, 2], 5]);
  });

  test("rows in flight do not count as waiting", async () => {
    const { commit } = heldCommits<number>();
    const writer = new GroupCommit({ commit, waitingMax: 1, flightsMax: 1 });
    void writer.add(1);
    await nextTurn();
    expect(writer.waitingRows).toBe(0);
    void writer.add(2);
    expect(writer.waitingRows).toBe(1);
    await expect(writer.add(3)).rejects.toMatchObject({ code: "OVERLOADED" });
  });

  test("few heavy rows are refused as many light ones are", async () => {
    const { commit } = heldCommits<number>();
    const writer = new GroupCommit({ commit, bytesOf: (row) => row, waitingBytesMax: 100 });
    void writer.add(60);
    await expect(writer.add(41)).rejects.toMatchObject({ code: "OVERLOADED" });
    void writer.add(40);
    await nextTurn();
    void writer.add(100); // What flies waits no longer.
    expect(writer.waitingRows).toBe(1);
  });
});

describe("drain", () => {
  test("an idle writer is drained", async () => {
    await new GroupCommit({ commit: async (rows: readonly number[]) => rows }).drain();
  });

  test("it waits for what waits and for what flies, failed or not", async () => {
    const { groups, commit } = heldCommits<number>();
    const writer = new GroupCommit({ commit, flightsMax: 1 });
    const answers = Promise.allSettled([writer.add(1)]);
    await nextTurn();
    const later = writer.add(2);
    let isDrained = false;
    const drained = Promise.all([writer.drain(), writer.drain()]).then(() => {
      isDrained = true;
    });
    groups[0]?.fail(new Error("lost"));
    await answers;
    await nextTurn();
    expect(isDrained).toBe(false);
    groups[1]?.succeed();
    await later;
    await drained;
    expect(isDrained).toBe(true);
  });
});

test("drain waits for every flight, not only for the first to land", async () => {
  const { groups, commit } = heldCommits<number>();
  const writer = new GroupCommit({ commit, rowsMax: 1, flightsMax: 2 });
  const answers = Promise.all([writer.add(1), writer.add(2)]);
  await nextTurn();
  let isDrained = false;
  const drained = writer.drain().then(() => {
    isDrained = true;
  });
  groups[1]?.succeed();
  await nextTurn();
  expect(isDrained).toBe(false);
  groups[0]?.succeed();
  await answers;
  await drained;
  expect(isDrained).toBe(true);
});

describe("whatever the callers do", () => {
  const callers = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 6 }), isNextTurn: fc.boolean() }), {
    minLength: 1,
    maxLength: 40,
  });
  const bounds = fc.record({
    rowsMax: fc.integer({ min: 1, max: 8 }),
    flightsMax: fc.integer({ min: 1, max: 3 }),
    waitingMax: fc.integer({ min: 6, max: 40 }),
  });
  const failing = fc.uniqueArray(fc.nat({ max: 20 }));

  test("each gets its own answers, from one group, in order; bounds hold; nothing is lost or written twice", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), callers, bounds, failing, async (scheduler, calls, limits, failed) => {
        const groups: (readonly string[])[] = [];
        let flights = 0;
        let flightsSeen = 0;
        const commit = async (rows: readonly string[]) => {
          const number = groups.push(rows) - 1;
          flights += 1;
          flightsSeen = Math.max(flightsSeen, flights);
          await scheduler.schedule(Promise.resolve(), `group ${number}`);
          flights -= 1;
          if (failed.includes(number)) throw new Error(`group ${number}`);
          return rows.map((row) => `answer to ${row}`);
        };
        const writer = new GroupCommit({ commit, ...limits });

        const outcomes: { rows: string[]; isRefused: boolean; answer: Promise<unknown> }[] = [];
        const callAll = async () => {
          for (const [caller, call] of calls.entries()) {
            if (call.isNextTurn) await nextTurn();
            const rows = Array.from({ length: call.rows }, (_, row) => `${caller}.${row}`);
            const isRefused = writer.waitingRows + rows.length > limits.waitingMax;
            const answer = writer.addAll(rows).catch((error: unknown) => error);
            outcomes.push({ rows, isRefused, answer });
          }
          await Promise.all(outcomes.map((outcome) => outcome.answer));
          await writer.drain();
        };
        await scheduler.waitFor(callAll());

        expect(flightsSeen).toBeLessThanOrEqual(limits.flightsMax);
        expect(writer.waitingRows).toBe(0);
        const accepted = outcomes.filter((outcome) => !outcome.isRefused);
        expect(groups.flat()).toEqual(accepted.flatMap((outcome) => outcome.rows));
        for (const rows of groups) {
          const callersInGroup = new Set(rows.map((row) => row.split(".")[0])).size;
          expect(rows.length <= limits.rowsMax || callersInGroup === 1).toBe(true);
        }
        for (const { rows, isRefused, answer } of outcomes) {
          if (isRefused) {
            expect(await answer).toMatchObject({ code: "OVERLOADED" });
            continue;
          }
          const number = groups.findIndex((group) => group.includes(rows[0] ?? ""));
          expect(groups[number]).toEqual(expect.arrayContaining(rows));
          const expected = failed.includes(number)
            ? new Error(`group ${number}`)
            : rows.map((row) => `answer to ${row}`);
          expect(await answer).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });
});
