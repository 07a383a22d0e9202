/** Bins per doubling: a quantile is at most 9 % beside the truth. */
const BINS_PER_DOUBLING = 4;
/** From 0.1 ms to some hours. */
const SMALLEST_MS = 0.1;
const BINS = 110;

/** How long attempts ran, in bins that grow with the time: a few hundred bytes, whatever the number of attempts. */
export class RunTimes {
  readonly #bins = new Uint32Array(BINS);
  #count = 0;

  add(ms: number): void {
    const bin = Math.floor(Math.log2(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) * BINS_PER_DOUBLING);
    const index = Math.min(BINS - 1, bin);
    this.#bins[index] = (this.#bins[index] ?? 0) + 1;
    this.#count += 1;
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
      if (seen >= rank) return rounded(SMALLEST_MS * 2 ** ((index + 0.5) / BINS_PER_DOUBLING));
    }
    return null;
  }
}

function rounded(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
}
