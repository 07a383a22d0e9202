import type { Json } from "@millrace/core";
import { WORD_CHARS_MAX } from "@millrace/core/limits";
import { defineOperation, jsonRun, type Piece } from "../operation.ts";
import { FrequentWords } from "../text/frequent-words.ts";
import { isContinuation, utf8Pieces } from "../text/utf8.ts";
import { WordReader } from "../text/words.ts";

interface Counts {
  breaks: number;
  characters: number;
  lastByte: number;
}

const LINE_FEED = 0x0a;

/** Memory: one piece, and the counters of FrequentWords, about 5 MB. */
export default defineOperation("text-stats", async (input, { top, ignore_case }) => {
  const counts: Counts = { breaks: 0, characters: 0, lastByte: LINE_FEED };
  const frequent = new FrequentWords();
  const reader = new WordReader();
  const decoder = new TextDecoder(); // Takes a byte order mark away; the pieces are known to be UTF-8.
  let words = 0;
  const count = (found: readonly string[]): void => {
    words += found.length;
    for (const word of found)
      frequent.add(word.length > WORD_CHARS_MAX ? `${word.slice(0, WORD_CHARS_MAX)}…` : word);
  };
  for await (const piece of utf8Pieces(input.pieces())) {
    countBytes(piece, counts);
    const text = decoder.decode(piece, { stream: true });
    count(reader.push(ignore_case ? text.toLowerCase() : text));
  }
  count(reader.end());
  return jsonRun({
    // What follows the last line feed is a line too, unless it is nothing.
    lines: counts.breaks + (counts.lastByte === LINE_FEED ? 0 : 1),
    words,
    characters: counts.characters,
    bytes: input.bytes,
    ...describeWords(frequent, top),
  });
});

function countBytes(piece: Piece, counts: Counts): void {
  let { breaks, characters } = counts;
  for (let n = 0; n < piece.length; n += 1) {
    const byte = piece[n] ?? 0;
    if (byte === LINE_FEED) breaks += 1;
    if (!isContinuation(byte)) characters += 1;
  }
  counts.breaks = breaks;
  counts.characters = characters;
  counts.lastByte = piece.at(-1) ?? counts.lastByte;
}

function describeWords(frequent: FrequentWords, top: number): { readonly [key: string]: Json } {
  const isExact = frequent.error === 0;
  return {
    distinct_words: isExact ? frequent.tracked : null,
    is_exact: isExact,
    top_words: frequent
      .top(top)
      .map(({ word, count, countMax }) => (isExact ? { word, count } : { word, count, count_max: countMax })),
  };
}
