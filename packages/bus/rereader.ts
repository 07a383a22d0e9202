export interface RereaderOptions {
  /** Reads, and takes in what it read. */
  readonly read: () => Promise<void>;
  /** When it is read again unasked; and after a reading that failed. */
  readonly lookMs: number;
  readonly retryMs: number;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/**
 * Keeps what a process knows as new as whoever changed it says: one reading after the other, and never more than one that
 * waits, however many ask. Nobody asking, it reads every `lookMs`.
 */
export class Rereader {
  readonly #options: RereaderOptions;
  #reading: Promise<boolean> | undefined;
  /** Begins when the one that is under way has ended. */
  #next: Promise<boolean> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(options: RereaderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when a reading has ended that began after this call: one that is under way may have begun too early. False:
   * it failed, and is repeated by and by. Never rejects.
   */
  refresh(): Promise<boolean> {
    if (this.#next !== undefined) return this.#next;
    if (this.#reading === undefined) return this.#begin();
    this.#next = this.#reading.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #begin(): Promise<boolean> {
    if (this.#isStopped) return Promise.resolve(false);
    clearTimeout(this.#timer);
    this.#reading = this.#read();
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    const { read, lookMs, retryMs, onFailure } = this.#options;
    let isRead = true;
    try {
      await read();
    } catch (error) {
      isRead = false;
      onFailure?.(error);
    }
    this.#reading = undefined;
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.refresh(), isRead ? lookMs : retryMs);
    return isRead;
  }
}
