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

test("a busy worker takes ahead, up to the bound, and asks no more often for it", async () => {
  await take(10);
  await take(1);
  expect(wanted).toEqual([10, 4]);
  expect(await take(3)).toEqual([true, true, true]);
  expect(wanted).toHaveLength(2);
});

test("what was taken ahead is lost when it was not used in time", async () => {
  await take(10);
  await take(1);
  nowMs += LIMIT_TOKENS_KEPT_MS;
  await take(1);
  expect(wanted).toHaveLength(3);
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
  expect(await take(1)).toEqual([true]);
  expect(wanted).toHaveLength(1);
});
