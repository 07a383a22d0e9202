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

interface Lot {
  left: number;
  /** By the steady clock. */
  readonly untilMs: number;
}

/**
 * A worker's share of one rate. Whoever asks at the same time asks together, and a busy worker takes as much ahead as it
 * used lately, again before that is used up: the round trips do not grow with the rate, and nobody waits for them. What
 * is taken ahead is lost soon, so nobody can save it up.
 */
export class LimitTokens {
  readonly #options: LimitTokensOptions;
  readonly #group: GroupCommit<null, boolean>;
  /** What was taken ahead and when it is lost, the oldest first. As many as fetched within the time that they are kept. */
  #lots: Lot[] = [];
  #refusedUntilMs = 0;
  #isRefilling = false;
  #used = 0;
  #usedBefore = 0;
  #usedSinceMs = 0;

  constructor(options: LimitTokensOptions) {
    this.#options = options;
    this.#group = new GroupCommit<null, boolean>({
      flightsMax: 1,
      commit: (wishes) => this.#takeFor(wishes.length),
    });
  }

  /** Something that was taken ahead is left. */
  get hasKept(): boolean {
    return this.#keptAt(this.#options.nowMs()) > 0;
  }

  /** One of those. */
  takeKept(): void {
    const nowMs = this.#options.nowMs();
    const left = this.#keptAt(nowMs) - 1;
    const oldest = this.#lots.find((lot) => lot.left > 0);
    if (oldest !== undefined) oldest.left -= 1;
    this.#use(1, nowMs);
    const enough = this.#aheadAt(nowMs);
    if (left < enough / 2 && nowMs >= this.#refusedUntilMs) void this.#refill(enough - left);
  }

  /** False: not now. Rejects when the database does not answer. */
  async take(): Promise<boolean> {
    if (this.hasKept) {
      this.takeKept();
      return true;
    }
    if (this.#options.nowMs() < this.#refusedUntilMs) return false;
    return await this.#group.add(null);
  }

  /** It was not used after all. */
  giveBack(): void {
    this.#prune(this.#options.nowMs());
    const [oldest] = this.#lots;
    if (oldest !== undefined) oldest.left += 1;
  }

  async #takeFor(wishes: number): Promise<readonly boolean[]> {
    const { take, nowMs } = this.#options;
    const askedMs = nowMs();
    const { granted, waitMs } = await take(
      wishes + Math.max(0, this.#aheadAt(askedMs) - this.#keptAt(askedMs)),
    );
    const answeredMs = nowMs();
    const used = Math.min(granted, wishes);
    this.#keep(granted - used, answeredMs);
    if (granted < wishes) this.#refuse(waitMs, answeredMs);
    this.#use(used, answeredMs);
    return Array.from({ length: wishes }, (_, index) => index < used);
  }

  /** What fails here fails again for who asks when nothing is left, and is heard there. */
  async #refill(wanted: number): Promise<void> {
    const { take, nowMs } = this.#options;
    if (this.#isRefilling) return;
    this.#isRefilling = true;
    try {
      const { granted, waitMs } = await take(wanted);
      const answeredMs = nowMs();
      this.#keep(granted, answeredMs);
      if (granted < wanted) this.#refuse(waitMs, answeredMs);
    } catch {
    } finally {
      this.#isRefilling = false;
    }
  }

  #refuse(waitMs: number, nowMs: number): void {
    this.#refusedUntilMs = nowMs + Math.min(waitMs, REFUSED_MS_MAX);
  }

  #keep(count: number, nowMs: number): void {
    this.#lots.push({ left: count, untilMs: nowMs + LIMIT_TOKENS_KEPT_MS });
  }

  #keptAt(nowMs: number): number {
    this.#prune(nowMs);
    return this.#lots.reduce((sum, { left }) => sum + left, 0);
  }

  #prune(nowMs: number): void {
    while (this.#lots[0] !== undefined && nowMs >= this.#lots[0].untilMs) this.#lots.shift();
  }

  /** As many as it used in the time that they are kept, in the busier one of the last two such times. */
  #aheadAt(nowMs: number): number {
    const sinceMs = nowMs - this.#usedSinceMs;
    if (sinceMs > 2 * LIMIT_TOKENS_KEPT_MS) return 0;
    return Math.min(this.#options.aheadMax, Math.max(this.#used, this.#usedBefore));
  }

  #use(count: number, nowMs: number): void {
    const sinceMs = nowMs - this.#usedSinceMs;
    if (sinceMs > LIMIT_TOKENS_KEPT_MS) {
      this.#usedBefore = sinceMs > 2 * LIMIT_TOKENS_KEPT_MS ? 0 : this.#used;
      this.#used = 0;
      this.#usedSinceMs = nowMs;
    }
    this.#used += count;
  }
}
