import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  deleteLimit,
  freePermits,
  leasePermits,
  listLimits,
  putLimit,
  readLimitUse,
  takeTokens,
} from "@millrace/store";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore(8);
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate limits, limit_rates, limit_permits`;
});

const ACME = { scope: "tenant", name: "acme" } as const;
const NOTHING = { ratePerSecond: null, burst: null, maxConcurrent: null };
const put = (bounds: object) => putLimit(store.sql, { ...ACME, ...NOTHING, ...bounds }, 1);
const lease = (session: string, wanted: number, leaseMs = 60_000) =>
  leasePermits(store.sql, ACME, { session, wanted, leaseMs });

test("a burst is granted at once, what is over it is not, and it says how long to wait", async () => {
  await put({ ratePerSecond: 0.001, burst: 10 });
  expect(await readLimitUse(store.sql, ACME)).toEqual({ tokens: 10, free: null });
  expect(await takeTokens(store.sql, ACME, 4)).toEqual({ granted: 4, waitMs: 0 });
  const { granted, waitMs } = await takeTokens(store.sql, ACME, 10);
  expect(granted).toBe(6);
  expect(waitMs).toBeGreaterThan(900_000);
  expect(waitMs).toBeLessThanOrEqual(1_000_000);
  expect(await readLimitUse(store.sql, ACME)).toEqual({ tokens: 0, free: null });
});

test("whoever takes at the same time never gets more than the burst together", async () => {
  await put({ ratePerSecond: 0.001, burst: 25 });
  const all = await Promise.all(Array.from({ length: 20 }, () => takeTokens(store.sql, ACME, 3)));
  expect(all.reduce((sum, { granted }) => sum + granted, 0)).toBe(25);
});

test("without a burst, one second's worth is one", async () => {
  await put({ ratePerSecond: 7.5 });
  expect((await takeTokens(store.sql, ACME, 100)).granted).toBe(8);
});

test("a rate that is set anew starts with a full burst", async () => {
  await put({ ratePerSecond: 0.001, burst: 1 });
  await takeTokens(store.sql, ACME, 1);
  await put({ ratePerSecond: 0.001, burst: 5 });
  expect((await takeTokens(store.sql, ACME, 9)).granted).toBe(5);
});

test("permits of all sessions together never exceed the limit, however many ask at once", async () => {
  await put({ maxConcurrent: 7 });
  const held = await Promise.all(Array.from({ length: 12 }, (_, n) => lease(`w${n}~a`, 3)));
  expect(held.reduce<number>((sum, one) => sum + (one ?? 0), 0)).toBe(7);
  expect(await readLimitUse(store.sql, ACME)).toEqual({ tokens: null, free: 0 });
});

test("asking again says what is held in all: fewer gives back, and a lowered limit takes back", async () => {
  await put({ maxConcurrent: 5 });
  expect([await lease("a~1", 4), await lease("b~1", 4)]).toEqual([4, 1]);
  expect([await lease("a~1", 2), await lease("b~1", 4)]).toEqual([2, 3]);
  await put({ maxConcurrent: 3 });
  expect([await lease("a~1", 2), await lease("b~1", 3)]).toEqual([0, 3]);
});

test("what a session held is free when its lease is over, or when it is known to be dead", async () => {
  await put({ maxConcurrent: 2 });
  await lease("silent~1", 2, 0);
  expect(await lease("other~1", 2)).toBe(2);
  expect(await lease("late~1", 1)).toBe(0);
  await freePermits(store.sql, "other~1");
  expect(await lease("late~1", 1)).toBe(1);
});

test("a limit that is gone holds nobody", async () => {
  await put({ ratePerSecond: 1, maxConcurrent: 1 });
  expect(await listLimits(store.sql)).toMatchObject([{ ...ACME, ratePerSecond: 1, maxConcurrent: 1 }]);
  expect(await deleteLimit(store.sql, "tenant", "acme")).toBe(true);
  expect(await deleteLimit(store.sql, "tenant", "acme")).toBe(false);
  expect(await takeTokens(store.sql, ACME, 50)).toEqual({ granted: 50, waitMs: 0 });
  expect(await lease("a~1", 50)).toBeNull();
  expect(await readLimitUse(store.sql, ACME)).toBeNull();
});
