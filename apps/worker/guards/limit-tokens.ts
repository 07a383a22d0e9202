import { GroupCommit } from "@millrace/core";
import { LIMIT_TOKENS_KEPT_MS } from "@millrace/core/limits";
import type { Tokens } from "@millrace/store";

export interface LimitTokensOptions {
  /** Takes starts of the rate, over all workers. */
  readonly take: (wanted: number) => Promise<Tokens>;
  /** On a steady clock. */
  readonly nowMs: () => number;
  /** Starts that may be taken ahead at most, so that one worker does not take what others need. */
  readonly aheadMax: number;
}

/** How long this worker believes the database that nothing is left. */
const REFUSED_MS_MAX = 200;

/**
 * A worker's share of one rate. Whoever asks at the same time asks together, and a busy worker takes as much ahead as it
 * used lately: the round trips do not grow with the rate. What is taken ahead is lost soon, so nobody can save it up.
 */
export class LimitTokens {
  readonly #options: LimitTokensOptions;
  readonly #group: GroupCommit<null, boolean>;
  #left = 0;
  #keptUntilMs = 0;
  #refusedUntilMs = 0;
  #used = 0;
  #usedSinceMs = 0;

  constructor(options: LimitTokensOptions) {
    this.#options = options;
    this.#group = new GroupCommit<null, boolean>({
      flightsMax: 1,
      commit: (wishes) => this.#takeFor(wishes.length),
    });
  }

  /** False: not now. Rejects when the database does not answer. */
  async take(): Promise<boolean> {
    const nowMs = this.#options.nowMs();
    if (this.#left > 0 && nowMs < this.#keptUntilMs) {
      this.#left -= 1;
      this.#use(1, nowMs);
      return true;
    }
    if (nowMs < this.#refusedUntilMs) return false;
    return await this.#group.add(null);
  }

  /** It was not used after all. */
  giveBack(): void {
    if (this.#options.nowMs() < this.#keptUntilMs) this.#left += 1;
  }

  async #takeFor(wishes: number): Promise<readonly boolean[]> {
    const { take, nowMs, aheadMax } = this.#options;
    const ahead = Math.min(aheadMax, this.#usedLately(nowMs()));
    const { granted, waitMs } = await take(wishes + ahead);
    const answeredMs = nowMs();
    const used = Math.min(granted, wishes);
    this.#left = granted - used;
    this.#keptUntilMs = answeredMs + LIMIT_TOKENS_KEPT_MS;
    if (granted < wishes) this.#refusedUntilMs = answeredMs + Math.min(waitMs, REFUSED_MS_MAX);
    this.#use(used, answeredMs);
    return Array.from({ length: wishes }, (_, index) => index < used);
  }

  #use(count: number, nowMs: number): void {
    if (nowMs - this.#usedSinceMs > LIMIT_TOKENS_KEPT_MS) {
      this.#used = 0;
      this.#usedSinceMs = nowMs;
    }
    this.#used += count;
  }

  #usedLately(nowMs: number): number {
    return nowMs - this.#usedSinceMs > 2 * LIMIT_TOKENS_KEPT_MS ? 0 : this.#used;
  }
}
