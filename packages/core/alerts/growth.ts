import { INSTANCES_WATCHED_MAX } from "../limits.ts";

interface Grown {
  readonly atMs: number;
  readonly by: number;
}

/** Steps that are kept for one span; what grows more often is added to the last one. */
const STEPS = 60;

/**
 * How much a number grew within the last span. Fed with single events, or with counts that processes keep since their start:
 * a process that comes anew begins at its first count.
 */
export class Growth {
  readonly #spanMs: number;
  readonly #last = new Map<string, number>();
  #grown: Grown[] = [];

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  add(by: number, nowMs: number): void {
    if (by <= 0) return;
    const last = this.#grown.at(-1);
    if (last !== undefined && nowMs - last.atMs < this.#spanMs / STEPS)
      this.#grown[this.#grown.length - 1] = { atMs: last.atMs, by: last.by + by };
    else this.#grown.push({ atMs: nowMs, by });
    this.#grown = this.#grown.filter(({ atMs }) => nowMs - atMs <= this.#spanMs);
  }

  /** The count that a process keeps. */
  note(instance: string, count: number, nowMs: number): void {
    const former = this.#last.get(instance);
    this.#last.delete(instance);
    this.#last.set(instance, count);
    for (const oldest of this.#last.keys())
      if (this.#last.size > INSTANCES_WATCHED_MAX) this.#last.delete(oldest);
    if (former !== undefined) this.add(count - former, nowMs);
  }

  within(nowMs: number): number {
    return this.#grown.reduce((sum, { atMs, by }) => sum + (nowMs - atMs <= this.#spanMs ? by : 0), 0);
  }
}
