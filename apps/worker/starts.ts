/**
 * Tasks that are about to start: from the first look at what may not, until the claim. Whoever changes what may start waits
 * for them; those that come later go by the change.
 */
export class Starts {
  readonly #open = new Set<symbol>();
  readonly #waiting = new Set<Waiting>();

  /** To be called when it has started, or does not; any number of times. */
  begin(): () => void {
    const start = Symbol();
    this.#open.add(start);
    return () => this.#end(start);
  }

  /** Resolves when all that are open now have ended. */
  settled(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ open: new Set(this.#open), resolve });
    return promise;
  }

  #end(start: symbol): void {
    this.#open.delete(start);
    for (const waiting of this.#waiting) {
      waiting.open.delete(start);
      if (waiting.open.size > 0) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }
}

interface Waiting {
  /** As many as the worker has slots, at most. */
  readonly open: Set<symbol>;
  readonly resolve: () => void;
}
