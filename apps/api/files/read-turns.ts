/** One of the bodies that arrive. */
export interface Turns {
  /** Resolves when it is this body's turn to be read. */
  next(): Promise<void>;
  /** It is read no more. */
  leave(): void;
}

/**
 * Whose turn it is to read from the network: when several bodies arrive, one in each turn of the event loop. What is not
 * read stays where it is, and its sender waits. Ten uploads at once would otherwise bring 5 MB into every turn, and each
 * small request, which takes a few turns, would wait for all of them. A body that arrives alone waits for nobody.
 */
export class ReadTurns {
  readonly #waiting: (() => void)[] = [];
  #bodies = 0;
  #isTaken = false;

  join(): Turns {
    this.#bodies += 1;
    return {
      next: () => this.#take(),
      leave: () => {
        this.#bodies -= 1;
      },
    };
  }

  #take(): Promise<void> {
    if (this.#bodies === 1) return Promise.resolve();
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    setImmediate(() => this.#pass());
    return Promise.resolve();
  }

  #pass(): void {
    const next = this.#waiting.shift();
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    next();
    setImmediate(() => this.#pass());
  }
}

/** Of this process. */
export const readTurns = new ReadTurns();
