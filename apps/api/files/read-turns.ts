/**
 * Whose turn it is to read from the network: one body in each turn of the event loop. What is not read stays where it is,
 * and its sender waits. Ten uploads at once would otherwise bring 5 MB into every turn, and each small request, which
 * takes a few turns, would wait for all of them; a single upload is as fast as without.
 */
export class ReadTurns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** Resolves when it is the caller's turn; at once when nobody else has had this one. */
  take(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    setImmediate(() => this.#next());
    return Promise.resolve();
  }

  #next(): void {
    const next = this.#waiting.shift();
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    next();
    setImmediate(() => this.#next());
  }
}

/** Of this process. */
export const readTurns = new ReadTurns();
