import { PRIORITY_MAX, PRIORITY_MIN } from "./limits.ts";
import type { Priority } from "./task.ts";

const LEVELS = PRIORITY_MAX - PRIORITY_MIN + 1;

/** Every fifth turn is a fair one: a fifth of the capacity is what urgency pays so that nothing starves. */
export const FAIR_TURN_EVERY = 5;

/**
 * The published bound: whatever arrives at the other levels, the oldest task of any level is fetched within this many
 * turns. A turn happens whenever a slot becomes free, so in time it is at most
 * `STARVATION_TURNS_MAX × (mean run time ÷ slots of the lane)`.
 */
export const STARVATION_TURNS_MAX = FAIR_TURN_EVERY * LEVELS;

/**
 * In which order a turn asks the priority levels for work.
 * Ordinary turns go from the most urgent down. A fair turn starts at a level of its own, which moves up by one from
 * fair turn to fair turn. (Going from 1 up in each fair turn, as one would first think, starves the middle: a constant
 * stream of p1 takes the fair turns and a constant stream of p10 the others, and p5 waits for ever.)
 */
export function levelOrder(turn: number): readonly Priority[] {
  const isFair = turn % FAIR_TURN_EVERY === FAIR_TURN_EVERY - 1;
  return isFair ? fairOrder(Math.floor(turn / FAIR_TURN_EVERY) % LEVELS) : URGENT_FIRST;
}

const URGENT_FIRST: readonly Priority[] = Array.from({ length: LEVELS }, (_, index) => PRIORITY_MAX - index);

const FAIR_ORDERS: readonly (readonly Priority[])[] = Array.from({ length: LEVELS }, (_, first) => {
  const own = PRIORITY_MIN + first;
  return [own, ...URGENT_FIRST.filter((level) => level !== own)];
});

function fairOrder(first: number): readonly Priority[] {
  return FAIR_ORDERS[first] ?? URGENT_FIRST;
}
