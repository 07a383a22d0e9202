import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import { FrequentWords } from "@millrace/worker/files/text/frequent-words";
import { diceOf } from "../../../support/dice.ts";
import { runOperation } from "../../../support/file-operation.ts";

async function statsOf(content: string, options: Json = {}, pieceBytes?: readonly number[]): Promise<Json> {
  const given = pieceBytes === undefined ? { content, options } : { content, options, pieceBytes };
  return (await runOperation("text-stats", given)).summary;
}

describe("lines", () => {
  test.each([
    ["", 0],
    ["\n", 1],
    ["a", 1],
    ["a\n", 1],
    ["a\nb", 2],
    ["a\r\nb\r\n", 2],
    ["\n\n\n", 3],
  ])("%p has %p", async (content, lines) => {
    expect(await statsOf(content)).toMatchObject({ lines });
  });
});

test("words are runs of letters, digits and marks, with apostrophes and hyphens inside", async () => {
  const content = "Don't — the well-known 'quote' isn’t, 42 cafe\u0301 über 日本 - ' _ !\n";
  const once = ["42", "cafe\u0301", "don't", "isn’t", "quote", "the", "well-known", "über", "日本"];
  expect(await statsOf(content)).toMatchObject({
    words: once.length,
    distinct_words: once.length,
    is_exact: true,
    top_words: once.map((word) => ({ word, count: 1 })),
  });
});

test("the most frequent words come first, equal ones by their letters, at most as many as asked for", async () => {
  expect(await statsOf("b a c A b B x", { top: 3 })).toMatchObject({
    words: 7,
    top_words: [
      { word: "b", count: 3 },
      { word: "a", count: 2 },
      { word: "c", count: 1 },
    ],
  });
  expect(await statsOf("The the", { ignore_case: false })).toMatchObject({ distinct_words: 2 });
});

test("characters are counted, not bytes or UTF-16 units", async () => {
  expect(await statsOf("aß日😀")).toMatchObject({ characters: 4, bytes: 10 });
});

test("a byte order mark is no part of the first word", async () => {
  expect(await statsOf("\ufeffhello hello")).toMatchObject({ top_words: [{ word: "hello", count: 2 }] });
});

test("wherever the text is cut, the result is the same", async () => {
  const content = "It isn't the naïve well-known 日本語 text — 😀 über\nalles, isn't it?\r\n".repeat(20);
  const whole = await statsOf(content);
  for (const pieceBytes of [[1], [2], [3], [7, 1], [64, 5]])
    expect(await statsOf(content, {}, pieceBytes)).toEqual(whole);
});

test("one word of a megabyte is one word in parts, cut short in the list", async () => {
  const stats = await statsOf("x".repeat(1_000_000), {}, [65_536]);
  expect(JSON.stringify(stats).length).toBeLessThan(2_000);
});

describe("with fewer counters than words", () => {
  test("each count is within what is promised (seed 7)", () => {
    const dice = diceOf(7);
    const frequent = new FrequentWords(100);
    const truth = new Map<string, number>();
    for (let n = 0; n < 50_000; n += 1) {
      const word = dice.throw() < 0.5 ? `often-${dice.between(1, 20)}` : `rare-${dice.between(1, 20_000)}`;
      frequent.add(word);
      truth.set(word, (truth.get(word) ?? 0) + 1);
    }
    expect(frequent.tracked).toBeLessThanOrEqual(100);
    expect(frequent.error).toBeLessThanOrEqual(50_000 / 50);
    const top = frequent.top(20);
    expect(top.every(({ word }) => word.startsWith("often-"))).toBe(true);
    for (const { word, count, countMax } of frequent.top(100)) {
      expect(count).toBeLessThanOrEqual(truth.get(word) ?? 0);
      expect(countMax).toBeGreaterThanOrEqual(truth.get(word) ?? 0);
    }
  });
});

test("binary content is refused with its place", async () => {
  const content = new Uint8Array([0x50, 0x4b, 0x03, 0x04, 0x8f]);
  await expect(runOperation("text-stats", { content })).rejects.toThrow("byte 0x8f at offset 4");
});
