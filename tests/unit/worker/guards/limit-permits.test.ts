import { afterEach, beforeEach, expect, test } from "bun:test";
import { LIMIT_CONTENDED_MS, LIMIT_LEASE_MS } from "@millrace/core/limits";
import { LimitPermits } from "@millrace/worker/guards/limit-permits";

/** The database, played: what others hold, and what it was asked for. */
interface Stage {
  readonly permits: LimitPermits;
  readonly wanted: number[];
  most: number | null;
  others: number;
  nowMs: number;
  refused: number;
  freed: number;
  failures: number;
  /** What answers wait for. */
  gate: Promise<void>;
  isDown: boolean;
}

let stage: Stage;
beforeEach(() => {
  const made: Stage = {
    ...{ wanted: [], most: 4, others: 0, nowMs: 1_000_000, refused: 0, freed: 0, failures: 0 },
    ...{ gate: Promise.resolve(), isDown: false },
    permits: new LimitPermits({
      lease: async (wanted) => {
        made.wanted.push(wanted);
        await made.gate;
        if (made.isDown) throw new Error("the database is away");
        return made.most === null ? null : Math.max(0, Math.min(wanted, made.most - made.others));
      },
      nowMs: () => made.nowMs,
      aheadMax: 2,
      onRefused: () => {
        made.refused += 1;
      },
      onFreed: () => {
        made.freed += 1;
      },
      onFailure: () => {
        made.failures += 1;
      },
    }),
  };
  stage = made;
});
afterEach(() => stage.permits.stop());

const take = (count: number) => Promise.all(Array.from({ length: count }, () => stage.permits.take()));
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("who comes while it is asked is asked for next, and not refused", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  stage.gate = promise;
  stage.most = 100;
  const first = stage.permits.take();
  const later = take(5);
  resolve();
  expect([await first, ...(await later)]).toEqual(Array(6).fill(true));
  expect(stage.refused).toBe(0);
});

test("what is held is given out without asking again", async () => {
  expect(await take(1)).toEqual([true]);
  const asked = stage.wanted.length;
  stage.permits.giveBack();
  for (let times = 0; times < 50; times++) {
    expect(await stage.permits.take()).toBe(true);
    stage.permits.giveBack();
  }
  expect(stage.wanted).toHaveLength(asked);
});

test("no more run than there are permits, and whoever is refused is told of", async () => {
  expect((await take(6)).filter(Boolean)).toHaveLength(4);
  expect(stage.refused).toBeGreaterThan(0);
});

test("when somebody was refused, a permit goes back as soon as it is not used, and that is told", async () => {
  await take(5);
  stage.permits.giveBack();
  await settled();
  expect(stage.wanted.at(-1)).toBe(3);
  expect(stage.freed).toBe(1);
});

test("when somebody is refused elsewhere, what is held ahead goes back; and is held ahead again later", async () => {
  await take(1);
  expect(stage.wanted.at(-1)).toBe(2);
  stage.permits.heed();
  await settled();
  expect(stage.wanted.at(-1)).toBe(1);
  stage.nowMs += LIMIT_CONTENDED_MS;
  await take(1);
  expect(stage.wanted.at(-1)).toBeGreaterThan(2);
});

test("nothing starts on a lease that may be over", async () => {
  await take(1);
  stage.permits.giveBack();
  stage.nowMs += LIMIT_LEASE_MS;
  stage.others = 4;
  expect(await take(1)).toEqual([false]);
});

test("a database that is away refuses, and is told of; it is asked again by the next one", async () => {
  stage.isDown = true;
  expect(await take(2)).toEqual([false, false]);
  expect(stage.failures).toBeGreaterThan(0);
  stage.isDown = false;
  expect(await take(1)).toEqual([true]);
});

test("a limit that is gone holds nobody", async () => {
  stage.most = null;
  expect(await take(50)).toEqual(Array(50).fill(true));
});

test("a permit that is on its way back is given to nobody here: another worker may have it already", async () => {
  expect(await take(4)).toEqual([true, true, true, true]);
  stage.permits.heed(); // Somebody is refused elsewhere.
  await settled();
  const { promise, resolve } = Promise.withResolvers<void>();
  stage.gate = promise;
  stage.permits.giveBack();
  stage.others = 1; // The return is written, the other one has leased it, and the answer is still on its way.
  const taken = stage.permits.take();
  let isTaken: boolean | undefined;
  void taken.then((answer) => {
    isTaken = answer;
  });
  await settled();
  expect(isTaken).toBeUndefined();
  resolve();
  expect(await taken).toBe(false);
});
