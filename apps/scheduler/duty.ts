import type { Log } from "@millrace/observe";

export interface DutyOptions {
  readonly name: string;
  readonly everyMs: number;
  /** One round. True: there is more to do, come again at once. */
  readonly round: () => Promise<boolean>;
  readonly log: Log;
}

const ROUNDS_AT_ONCE_MAX = 1_000;

/**
 * A background duty: one round after the other, never two at once, for as long as the process lives. A round that fails
 * is told and comes again; the duty itself cannot fail.
 */
export class Duty {
  readonly #options: DutyOptions;
  #isStopped = false;
  #wake: () => void = () => {};
  #loop: Promise<void> | undefined;

  constructor(options: DutyOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Does not wait for the next round's time. */
  nudge(): void {
    this.#wake();
  }

  /** Resolves when the round that is running has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#work();
      await this.#pause();
    }
  }

  async #work(): Promise<void> {
    const { name, round, log } = this.#options;
    try {
      for (let rounds = 0; rounds < ROUNDS_AT_ONCE_MAX && !this.#isStopped; rounds++)
        if (!(await round())) return;
    } catch (error) {
      log.warning("a duty failed and comes again", { duty: name, error });
    }
  }

  #pause(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Several schedulers started together should not work at the same moments.
    const timer = setTimeout(resolve, this.#options.everyMs * (0.9 + Math.random() * 0.2));
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }
}
