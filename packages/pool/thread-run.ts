import { THREAD_NATIVE_MS_MAX } from "@millrace/core/limits";
import type { News } from "./messages.ts";

export interface ThreadRunOptions {
  /** Whoever wants the job stopped. */
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly bootMsMax: number;
  readonly stopMsMax: number;
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
  /** Shared with the thread; see `Order`. */
  readonly stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #kill = new AbortController();
  readonly #onAbort = (): void => this.#end(this.#options.signal?.reason);
  #ending: { readonly reason: unknown } | undefined;
  #isNative = false;
  #timer: ReturnType<typeof setTimeout>;

  constructor(options: ThreadRunOptions) {
    this.#options = options;
    // Of a thread that could not be started; without this the job would wait for ever.
    this.#timer = this.#stopAfter(options.bootMsMax, "THREAD_UNAVAILABLE", "no thread started to work on it");
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Aborts when the thread must be killed. */
  get killSignal(): AbortSignal {
    return this.#kill.signal;
  }

  /** Why the job was stopped: the outer signal's reason or a `Stop`; undefined as long as it was not. */
  get ending(): { readonly reason: unknown } | undefined {
    return this.#ending;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** What the thread says. */
  hear(news: News): void {
    if (news.kind === "native") this.#isNative = news.isNative;
    if (this.#ending !== undefined) {
      if (news.kind === "native") this.#killLater();
      return;
    }
    if (news.kind === "started") this.#start();
    if (news.kind === "progress") this.#progress(news.progress, news.heapBytes);
  }

  #start(): void {
    const { timeoutMs } = this.#options;
    clearTimeout(this.#timer);
    this.#timer = this.#stopAfter(timeoutMs, "TIMEOUT", `it ran longer than ${timeoutMs / 1000} s`);
  }

  #progress(progress: number, heapBytes: number): void {
    const { heapBytesDeadly, onProgress } = this.#options;
    if (heapBytes <= heapBytesDeadly) onProgress?.(progress);
    else
      this.#end(
        new Stop("MEMORY_EXCEEDED", `its thread held ${heapBytes} bytes, more than ${heapBytesDeadly}`),
      );
  }

  #stopAfter(delayMs: number, code: string, message: string): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#end(new Stop(code, message)), delayMs);
  }

  /** Asks first: killing loses what native code holds (an open file, its memory). */
  #end(reason: unknown): void {
    if (this.#ending !== undefined) return;
    this.#ending = { reason };
    clearTimeout(this.#timer);
    Atomics.store(this.stop, 0, 1);
    this.#killLater();
  }

  #killLater(): void {
    clearTimeout(this.#timer);
    const patienceMs = this.#isNative ? THREAD_NATIVE_MS_MAX : this.#options.stopMsMax;
    this.#timer = setTimeout(() => this.#kill.abort(), patienceMs);
  }
}
