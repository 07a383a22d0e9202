import type { Log } from "@millrace/observe";

export interface DutyOptions {
  readonly name: string;
  readonly everyMs: number;
  /** One round. True: there is more to do, come again at once. */
  readonly round: () => Promise<boolean>;
  readonly log: Log;
  /** Calls once after so long; what it returns prevents that. */
  readonly setTimer?: (fire: () => void, delayMs: number) => () => void;
  /** 0 … 1. */
  readonly random?: () => number;
}

const ROUNDS_AT_ONCE_MAX = 1_000;

/**
 * A background duty: one round after the other, never two at once, for as long as the process lives. A round that fails
 * is told and comes again; the duty itself cannot fail.
 */
export class Duty {
  readonly #options: DutyOptions;
  #isStopped = false;
  /** Somebody asked for a round since the last one began: it may have looked too early. */
  #isNudged = false;
  #endPause: () => void = () => {};
  #loop: Promise<void> | undefined;

  constructor(options: DutyOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** The next round begins at once, or when the one that is running has ended. */
  nudge(): void {
    this.#isNudged = true;
    this.#endPause();
  }

  /** Resolves when the round that is running has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endPause();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#isNudged = false;
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
    if (this.#isStopped || this.#isNudged) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Several schedulers started together should not work at the same moments.
    const { everyMs, setTimer = setRealTimer, random = Math.random } = this.#options;
    const cancel = setTimer(resolve, everyMs * (0.9 + random() * 0.2));
    this.#endPause = () => {
      cancel();
      resolve();
    };
    return promise;
  }
}

function setRealTimer(fire: () => void, delayMs: number): () => void {
  const timer = setTimeout(fire, delayMs);
  return () => clearTimeout(timer);
}
