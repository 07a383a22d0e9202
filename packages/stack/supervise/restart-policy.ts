/** A process that ran this long was healthy: its next death is a first one again. */
export const HEALTHY_AFTER_MS = 30_000;
const DELAY_MS_FIRST = 200;
const DELAY_MS_MAX = 10_000;

export interface Restart {
  /** Deaths in a row, this one included, without a healthy run in between. */
  readonly deaths: number;
  readonly delayMs: number;
}

/**
 * What follows the death of a process: always another start, since the rest of the stack needs it and what killed it may
 * pass; but each one later than the one before, so that a process that cannot start does not eat the machine.
 *
 * @param deaths in a row before this one.
 */
export function restartAfter(deaths: number, ranMs: number): Restart {
  const inRow = ranMs >= HEALTHY_AFTER_MS ? 1 : deaths + 1;
  return { deaths: inRow, delayMs: Math.min(DELAY_MS_MAX, DELAY_MS_FIRST * 2 ** (inRow - 1)) };
}
