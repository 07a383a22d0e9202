import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { assert, Fault, type TaskError } from "@millrace/core";
import {
  POOL_THREADS_MAX,
  THREAD_BOOT_MS_MAX,
  THREAD_EXIT_MS_MAX,
  THREAD_HEAP_BYTES_DEADLY,
  THREAD_HEAP_BYTES_MAX,
  THREAD_STOP_MS_MAX,
} from "@millrace/core/limits";
import { Piscina } from "piscina";
import { FairQueue } from "./fair-queue.ts";
import type { Answer, News, Order, ThreadState } from "./messages.ts";
import { Stop, ThreadRun } from "./thread-run.ts";

export interface ThreadPoolOptions {
  /** Path of the thread's module; its default export is made by `threadMain`. */
  readonly filename: string;
  /** Jobs that run at once, 1 … POOL_THREADS_MAX. A thread has one job at a time. */
  readonly threads: number;
  readonly waitingMax?: number;
  /** After a job: a thread that holds more is replaced. */
  readonly heapBytesMax?: number;
  /** During a job: one that holds more is stopped. Seen only when it reports progress. */
  readonly heapBytesDeadly?: number;
  /** How long a thread may take from its start to the first sign of its first job. */
  readonly bootMsMax?: number;
  /** How long a job may take to end by itself; then its thread is killed. */
  readonly stopMsMax?: number;
  /** Told what has become of threads; for logs and counters. */
  readonly onThread?: (event: ThreadEvent) => void;
}

export interface ThreadEvent {
  /** `killed`: with its job, which did not end when it was asked to. `stuck`: told to end, and did not in time. `failed`: without a job. */
  readonly kind: "killed" | "died" | "recycled" | "stuck" | "failed";
  readonly reason: string;
}

export interface RunOptions {
  /** Whose job it is: threads are shared fairly between owners. */
  readonly owner: string;
  /** Stops the job: a waiting one is forgotten; a running one is asked to end, and then killed with its thread. */
  readonly signal?: AbortSignal;
  /** How long it may run on its thread; the wait for one does not count. */
  readonly timeoutMs: number;
  /** 0 … 1, at most every THREAD_PROGRESS_MS. */
  readonly onProgress?: (progress: number) => void;
}

/**
 * How a job ended. Codes of the pool: TIMEOUT, THREAD_DIED, MEMORY_EXCEEDED, THREAD_UNAVAILABLE; HANDLER_ERROR for what
 * the job threw without a code of its own.
 */
export type JobOutcome<Result> =
  | { readonly kind: "done"; readonly result: Result }
  | { readonly kind: "failed"; readonly error: TaskError; readonly isRetryable: boolean };

interface Waiter {
  readonly start: () => void;
}

/** Above 0: the rest of the process, heartbeats above all, goes first; small enough that jobs still get on (Linux). */
const NICE = 10;

/**
 * One long-lived Piscina pool for CPU-heavy jobs. Killing a thread is the only way to stop a loop, and here it is safe:
 * a thread has one job, the killed one is replaced, and `run` settles only after it is gone.
 *
 * - The queue is ours, not Piscina's: it is fair between owners, and Piscina never gets more jobs than it has threads.
 * - A thread that still boots is never destroyed: Bun 1.4.5 would leak it. Piscina takes its first threads for ready at
 *   once, so `start` waits for them, and `stop` waits for those that replace others.
 * - Threads run at a lower priority than the rest of the process (Linux): heartbeats and answers go first.
 */
export class ThreadPool<Job, Result> {
  readonly #options: Required<Omit<ThreadPoolOptions, "waitingMax">>;
  readonly #piscina: Piscina<Order<Job>, Answer<Result>>;
  readonly #queue: FairQueue<Waiter>;
  readonly #runningOf = new Map<string, number>();
  readonly #runs = new Map<number, ThreadRun>();
  #jobs = 0;
  #busy = 0;
  #isDraining = false;
  #idle: (() => void)[] = [];

  private constructor(options: ThreadPoolOptions) {
    assert(
      options.threads >= 1 && options.threads <= POOL_THREADS_MAX,
      `threads are 1 … ${POOL_THREADS_MAX}, not ${options.threads}`,
    );
    this.#options = {
      heapBytesMax: THREAD_HEAP_BYTES_MAX,
      heapBytesDeadly: THREAD_HEAP_BYTES_DEADLY,
      bootMsMax: THREAD_BOOT_MS_MAX,
      stopMsMax: THREAD_STOP_MS_MAX,
      onThread: () => {},
      ...options,
    };
    this.#queue = new FairQueue(options.waitingMax);
    this.#piscina = new Piscina({
      filename: options.filename,
      minThreads: options.threads,
      maxThreads: options.threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      maxQueue: options.threads,
      // "sync" would freeze the event loop of a thread that waits for its next job.
      atomics: "async",
      niceIncrement: NICE,
      recordTiming: false,
    });
    this.#piscina.on("message", (news: News) => this.#runs.get(news.jobId)?.hear(news));
    // What happens in a thread without a job; it is replaced. Unheard, the event would end the process.
    this.#piscina.on("error", (error: unknown) => this.#tell("failed", messageOf(error)));
  }

  /** Resolves when every thread has loaded its module; rejects when one cannot. */
  static async start<Job, Result>(options: ThreadPoolOptions): Promise<ThreadPool<Job, Result>> {
    const pool = new ThreadPool<Job, Result>(options);
    try {
      await pool.#ping();
      return pool;
    } catch (error) {
      await pool.#piscina.destroy();
      throw new Error(`the threads of ${options.filename} do not start: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** `busy` includes threads that are being replaced. */
  get counts(): { readonly threads: number; readonly busy: number; readonly waiting: number } {
    return { threads: this.#options.threads, busy: this.#busy, waiting: this.#queue.size };
  }

  /**
   * Runs one job, when it is its owner's turn. Rejects with the signal's reason when aborted, with OVERLOADED when too
   * many wait or the pool drains; every other end is a value. Settles after the thread of a stopped job has ended, so
   * that nothing works on the job's files any more.
   */
  async run(job: Job, options: RunOptions): Promise<JobOutcome<Result>> {
    options.signal?.throwIfAborted();
    await this.#turn(options);
    this.#count(options.owner, 1);
    try {
      options.signal?.throwIfAborted(); // Its turn and its abort may come together.
      return await this.#runOnThread(job, options);
    } finally {
      this.#count(options.owner, -1);
      this.#next();
    }
  }

  /** Takes nothing new. Resolves when all jobs that it has, waiting ones too, have ended. */
  drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#busy === 0 && this.#queue.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Drains, and ends the threads. Whoever is in a hurry aborts the jobs first. */
  async stop(): Promise<void> {
    await this.drain();
    await this.#ping().catch((error: unknown) => this.#tell("failed", messageOf(error)));
    await this.#piscina.destroy();
  }

  /** One ping for each thread: Piscina gives a thread a second one only after the first. */
  async #ping(): Promise<void> {
    const signal = AbortSignal.timeout(this.#options.bootMsMax);
    const late = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("a thread did not start in time")), {
        once: true,
      }),
    );
    // The pings carry no signal: an abort would destroy the thread that boots.
    const pings = Array.from({ length: this.#options.threads }, () => this.#piscina.run({ kind: "ping" }));
    await Promise.race([Promise.all(pings), late]);
  }

  /** Resolves with a thread reserved for the caller. */
  async #turn({ owner, signal }: RunOptions): Promise<void> {
    if (this.#isDraining) throw new Fault("OVERLOADED", "the threads take no more jobs", { retryAfterS: 1 });
    if (this.#busy < this.#options.threads && this.#queue.size === 0) {
      this.#busy += 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const waiter: Waiter = { start: turn.resolve };
    if (!this.#queue.push(owner, waiter))
      throw new Fault("OVERLOADED", "too many jobs wait for a thread", { retryAfterS: 1 });
    const leave = (): void => {
      if (!this.#queue.remove(owner, waiter)) return; // Its turn has come: the run sees the signal itself.
      turn.reject(signal?.reason);
      this.#settleIdle();
    };
    signal?.addEventListener("abort", leave, { once: true });
    await turn.promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  #next(): void {
    const waiter = this.#queue.take((owner) => this.#runningOf.get(owner) ?? 0);
    if (waiter !== undefined) {
      waiter.start(); // The thread goes over to it.
      return;
    }
    this.#busy -= 1;
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.#busy === 0 && this.#queue.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #count(owner: string, change: 1 | -1): void {
    const running = (this.#runningOf.get(owner) ?? 0) + change;
    if (running === 0) this.#runningOf.delete(owner);
    else this.#runningOf.set(owner, running);
  }

  async #runOnThread(job: Job, options: RunOptions): Promise<JobOutcome<Result>> {
    const { signal, onProgress, timeoutMs } = options;
    const run = new ThreadRun({ ...this.#options, signal, onProgress, timeoutMs });
    this.#jobs += 1;
    const jobId = this.#jobs;
    this.#runs.set(jobId, run);
    let threadsBefore: readonly Worker[] = [];
    // Heard before Piscina hears it and drops the thread of this job from its list.
    run.killSignal.addEventListener("abort", () => {
      threadsBefore = this.#piscina.threads;
    });
    try {
      const order: Order<Job> = { kind: "job", jobId, job, stop: run.stop };
      const answer = await this.#piscina.run(order, { signal: run.killSignal });
      assert(answer.kind !== "pong", "a job is answered by its outcome");
      if (answer.thread.heapBytes > this.#options.heapBytesMax) await this.#recycle(answer.thread);
      if (answer.kind === "done") return { kind: "done", result: answer.result };
      if (run.ending !== undefined) return stopped(run.ending.reason);
      return { kind: "failed", error: answer.error, isRetryable: answer.isRetryable };
    } catch (error) {
      if (run.ending === undefined) {
        this.#tell("died", messageOf(error));
        return failed("THREAD_DIED", `the thread of the job died: ${messageOf(error)}`);
      }
      await this.#killed(threadsBefore, run.ending.reason);
      return stopped(run.ending.reason);
    } finally {
      run.end();
      this.#runs.delete(jobId);
    }
  }

  /** A job that did not have a thread yet leaves all of them alone. */
  async #killed(threadsBefore: readonly Worker[], reason: unknown): Promise<void> {
    const threads = this.#piscina.threads;
    const killed = threadsBefore.filter((thread) => !threads.includes(thread));
    if (killed.length > 0) this.#tell("killed", messageOf(reason));
    await Promise.all(killed.map((thread) => this.#gone(thread)));
  }

  /** Bun keeps much of what a thread once needed; with the thread, all of it is freed. */
  async #recycle({ threadId, heapBytes }: ThreadState): Promise<void> {
    const worker = this.#piscina.threads.find((thread) => thread.threadId === threadId);
    if (worker === undefined) return;
    this.#tell("recycled", `it holds ${heapBytes} bytes`);
    const gone = this.#gone(worker); // Until then Piscina would still give it work.
    void worker.terminate();
    await gone;
  }

  async #gone(worker: Worker): Promise<void> {
    if (worker.threadId === -1) return;
    try {
      await once(worker, "exit", { signal: AbortSignal.timeout(THREAD_EXIT_MS_MAX) });
    } catch {
      this.#tell("stuck", `it did not end within ${THREAD_EXIT_MS_MAX} ms`);
    }
  }

  #tell(kind: ThreadEvent["kind"], reason: string): void {
    this.#options.onThread({ kind, reason });
  }
}

/** Reasons of the pool become values, those of the caller go back to it. */
function stopped(reason: unknown): JobOutcome<never> {
  if (reason instanceof Stop) return failed(reason.code, reason.message);
  throw reason;
}

function failed(code: string, message: string): JobOutcome<never> {
  return { kind: "failed", error: { code, message }, isRetryable: true };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
