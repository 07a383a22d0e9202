/** Random choices that can be made again: the same seed, the same throws. */
export interface Dice {
  readonly seed: number;
  /** 0 ≤ x < 1 */
  throw(): number;
  /** An integer, both ends included. */
  between(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
}

/** CHAOS_SEED repeats a run that failed. The seed is told, since nobody knows beforehand which run will fail. */
export function newDice(): Dice {
  const given = Number(process.env.CHAOS_SEED ?? Number.NaN);
  const seed = Number.isSafeInteger(given) ? given : Math.floor(Math.random() * 2 ** 31);
  process.stderr.write(`CHAOS_SEED=${seed}\n`);
  return diceOf(seed);
}

/** Mulberry32: small, and random enough to choose moments. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    seed,
    throw: next,
    between,
    pick: (items) => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}
