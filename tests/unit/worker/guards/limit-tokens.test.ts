import { beforeEach, expect, test } from "bun:test";
import { LIMIT_TOKENS_KEPT_MS } from "@millrace/core/limits";
import type { Tokens } from "@millrace/store";
import { LimitTokens } from "@millrace/worker/guards/limit-tokens";

let nowMs: number;
let wanted: number[];
let answer: (count: number) => Tokens;
let tokens: LimitTokens;
beforeEach(() => {
  nowMs = 1_000_000;
  wanted = [];
  answer = (granted) => ({ granted, waitMs: 0 });
  tokens = new LimitTokens({
    nowMs: () => nowMs,
    aheadMax: 3,
    take: async (count) => {
      wanted.push(count);
      return answer(count);
    },
  });
});

const take = (count: number) => Promise.all(Array.from({ length: count }, () => tokens.take()));

test("who asks at the same time asks together", async () => {
  expect(await take(10)).toEqual(Array(10).fill(true));
  expect(wanted).toEqual([10]);
});

test("a busy worker takes ahead, up to the bound, and again before that is used up", async () => {
  await take(10);
  await take(1);
  expect(wanted).toEqual([10, 4]);
  expect(await take(2)).toEqual([true, true]);
  expect(wanted).toEqual([10, 4, 2]);
  expect(await take(3)).toEqual([true, true, true]);
  expect(wanted[3]).toBe(2);
});

test("what is taken ahead is no more than lately used, and an idle moment ends it", async () => {
  await take(2);
  await take(1);
  expect(wanted).toEqual([2, 3]);
  nowMs += 3 * LIMIT_TOKENS_KEPT_MS;
  await take(1);
  expect(wanted).toEqual([2, 3, 1]);
  expect(tokens.hasKept).toBe(false);
});

test("when nothing can be had ahead, nobody tries again before there is something", async () => {
  await take(10);
  await take(1);
  answer = () => ({ granted: 0, waitMs: 50 });
  expect(await take(2)).toEqual([true, true]);
  expect(wanted).toEqual([10, 4, 2]);
  expect(await take(3)).toEqual([true, false, false]);
  expect(wanted).toHaveLength(3);
});

test("taking ahead that fails harms nobody; asking that fails is heard", async () => {
  await take(10);
  await take(1);
  answer = () => {
    throw new Error("the database is away");
  };
  expect(await take(3)).toEqual([true, true, true]);
  await expect(take(1)).rejects.toThrow("the database is away");
});

test("what was taken ahead is lost when it was not used in time", async () => {
  await take(10);
  await take(1);
  nowMs += LIMIT_TOKENS_KEPT_MS;
  await take(1);
  expect(wanted).toHaveLength(3);
});

test("what was taken ahead first is used first, and not kept longer for what was taken since", async () => {
  await take(10);
  await take(1);
  nowMs += LIMIT_TOKENS_KEPT_MS / 2;
  await take(2);
  expect(wanted).toEqual([10, 4, 2]);
  answer = () => ({ granted: 0, waitMs: 50 });
  nowMs += LIMIT_TOKENS_KEPT_MS / 2;
  expect(await take(3)).toEqual([true, true, false]);
});

test("as many as were granted start, and for a moment nobody asks again", async () => {
  answer = () => ({ granted: 2, waitMs: 50 });
  expect((await take(5)).filter(Boolean)).toHaveLength(2);
  expect(await take(5)).toEqual(Array(5).fill(false));
  expect(wanted).toEqual([5]);
  nowMs += 50;
  expect(await take(1)).toEqual([true]);
});

test("what was not used after all is the next one's", async () => {
  await take(1);
  tokens.giveBack();
  expect(tokens.hasKept).toBe(true);
  answer = () => ({ granted: 0, waitMs: 50 });
  expect(await take(2)).toEqual([true, false]);
});
