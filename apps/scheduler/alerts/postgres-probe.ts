import { PART_DIED_TOLD_MS } from "@millrace/core/limits";

/** An answer that takes longer is none. */
const ANSWER_MS_MAX = 1_500;

/**
 * Whether PostgreSQL answers, and whether it died: a server that comes back within a second was away all the same, and tells
 * it by another start time.
 */
export class PostgresProbe {
  readonly #askStart: () => Promise<string>;
  readonly #nowMs: () => number;
  #start: string | undefined;
  #isDown = false;
  #diedMs = Number.NEGATIVE_INFINITY;
  #pending: Promise<string> | undefined;

  /** `askStart` resolves with when the server started. */
  constructor(askStart: () => Promise<string>, nowMs: () => number) {
    this.#askStart = askStart;
    this.#nowMs = nowMs;
  }

  /** Asks once; a question that hangs is not asked again beside it. Never rejects. */
  async ask(): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("PostgreSQL does not answer")), ANSWER_MS_MAX);
    this.#pending ??= this.#askStart().finally(() => {
      this.#pending = undefined;
    });
    try {
      const start = await Promise.race([this.#pending, late]);
      if (this.#start !== undefined && this.#start !== start) this.#diedMs = this.#nowMs();
      this.#start = start;
      this.#isDown = false;
    } catch {
      this.#isDown = true;
    } finally {
      clearTimeout(timer);
    }
  }

  /** 1: it does not answer, or died a moment ago. */
  missing(): number {
    return this.#isDown || this.#nowMs() - this.#diedMs <= PART_DIED_TOLD_MS ? 1 : 0;
  }
}
