/** Four bins for each doubling: a quantile is at most 9 % beside the truth. From 0.1 ms to some hours. */
export const RUN_TIME_SCALE = { smallestMs: 0.1, perDoubling: 4 } as const;
const BINS = 110;

/** How long attempts ran, in bins that grow with the time: a few hundred bytes, whatever the number of attempts. */
export class RunTimes {
  readonly #bins = new Uint32Array(BINS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    const { smallestMs, perDoubling } = RUN_TIME_SCALE;
    this.addCounted(Math.floor(Math.log2(Math.max(ms, smallestMs) / smallestMs) * perDoubling), 1);
  }

  /** Run times that somebody else has counted, on the same scale. */
  addCounted(bin: number, count: number): void {
    const index = Math.min(BINS - 1, Math.max(0, bin));
    this.#bins[index] = (this.#bins[index] ?? 0) + count;
    this.#count += count;
  }

  addAll(other: RunTimes): void {
    for (const [index, count] of other.#bins.entries()) this.#bins[index] = (this.#bins[index] ?? 0) + count;
    this.#count += other.#count;
  }

  /** The middle of the bin in which the quantile lies; null when there is none. */
  quantile(share: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (const [index, count] of this.#bins.entries()) {
      seen += count;
      if (seen >= rank)
        return rounded(RUN_TIME_SCALE.smallestMs * 2 ** ((index + 0.5) / RUN_TIME_SCALE.perDoubling));
    }
    return null;
  }
}

function rounded(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
}
