import type { News } from "./messages.ts";

export interface ThreadRunOptions {
  /** Whoever wants the job stopped. */
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly bootMsMax: number;
  readonly heapBytesDeadly: number;
  readonly onProgress: ((progress: number) => void) | undefined;
}

/** Why the pool itself stops a job, in the words of its outcome. */
export class Stop extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Stop";
    this.code = code;
  }
}

/** What watches over one job on its thread: its time, its heap, whoever wants it stopped. Ends with `end()`. */
export class ThreadRun {
  readonly #options: ThreadRunOptions;
  readonly #abort = new AbortController();
  readonly #onAbort = (): void => this.#abort.abort(this.#options.signal?.reason);
  #timer: ReturnType<typeof setTimeout>;

  constructor(options: ThreadRunOptions) {
    this.#options = options;
    // Of a thread that could not be started; without this the job would wait for ever.
    this.#timer = this.#stopAfter(options.bootMsMax, "THREAD_UNAVAILABLE", "no thread started to work on it");
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal?.aborted) this.#onAbort();
  }

  /** Aborts with the outer signal's reason, or with a `Stop`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** What the thread says. */
  hear(news: News): void {
    if (this.signal.aborted) return;
    if (news.kind === "started") {
      const { timeoutMs } = this.#options;
      clearTimeout(this.#timer);
      this.#timer = this.#stopAfter(timeoutMs, "TIMEOUT", `it ran longer than ${timeoutMs / 1000} s`);
      return;
    }
    if (news.heapBytes > this.#options.heapBytesDeadly) {
      const message = `its thread held ${news.heapBytes} bytes, more than ${this.#options.heapBytesDeadly}`;
      this.#abort.abort(new Stop("MEMORY_EXCEEDED", message));
    } else this.#options.onProgress?.(news.progress);
  }

  #stopAfter(delayMs: number, code: string, message: string): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#abort.abort(new Stop(code, message)), delayMs);
  }
}
