import { WORDS_TRACKED_MAX } from "@millrace/core/limits";

export interface FrequentWord {
  readonly word: string;
  /** At least so often … */
  readonly count: number;
  /** … and at most so often. Equal to `count` as long as the counters sufficed. */
  readonly countMax: number;
}

/**
 * Counts words with a bounded number of counters, by the method of Misra and Gries, with evictions in one sweep (Anderson
 * et al., "A High-Performance Algorithm for Identifying Frequent Items in Data Streams", 2017): when all counters are
 * taken, the median count is subtracted from all, and the half that is used up makes room. So counts are exact until
 * WORDS_TRACKED_MAX different words were met; then they are too low by at most `error`, which stays below
 * words ÷ (counters ÷ 2): whatever makes up more than a 16 384th of the text is found.
 */
export class FrequentWords {
  readonly #counts = new Map<string, number>();
  readonly #wordsMax: number;
  #error = 0;

  constructor(wordsMax: number = WORDS_TRACKED_MAX) {
    this.#wordsMax = wordsMax;
  }

  /** How much too low a count can be. Zero: all are exact, and `distinct` too. */
  get error(): number {
    return this.#error;
  }

  /** Words that have a counter now. */
  get tracked(): number {
    return this.#counts.size;
  }

  add(word: string): void {
    const count = this.#counts.get(word);
    if (count !== undefined) {
      this.#counts.set(word, count + 1);
      return;
    }
    if (this.#counts.size >= this.#wordsMax) this.#evict();
    // A part of a long text keeps all of it in memory: what stays is copied.
    this.#counts.set(Buffer.from(word, "utf16le").toString("utf16le"), 1);
  }

  /** The most frequent first; equal ones by the alphabet of code units. */
  top(length: number): readonly FrequentWord[] {
    return [...this.#counts]
      .sort(([word, count], [other, otherCount]) => otherCount - count || (word < other ? -1 : 1))
      .slice(0, length)
      .map(([word, count]) => ({ word, count, countMax: count + this.#error }));
  }

  #evict(): void {
    const sorted = Float64Array.from(this.#counts.values()).sort();
    const median = sorted[sorted.length >>> 1] ?? 0;
    for (const [word, count] of this.#counts) {
      if (count <= median) this.#counts.delete(word);
      else this.#counts.set(word, count - median);
    }
    this.#error += median;
  }
}
