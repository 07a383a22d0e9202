import { heapSize } from "bun:jsc";
import { parentPort, threadId } from "node:worker_threads";
import { THREAD_HEAP_BYTES_MAX, THREAD_PROGRESS_MS } from "@millrace/core/limits";
import type { Answer, News, Order, ThreadState } from "./messages.ts";

/** The thread's side of the pool. The module that a pool is given has `threadMain(run)` as its default export. */

/** A failure that the job can name. It crosses to the other thread as a value, so its code and verdict survive. */
export class JobFailure extends Error {
  readonly code: string;
  /** False: no further attempt can succeed. */
  readonly isRetryable: boolean;

  constructor(code: string, message: string, isRetryable: boolean) {
    super(message);
    this.name = "JobFailure";
    this.code = code;
    this.isRetryable = isRetryable;
  }
}

/** What a job can say and ask while it runs. */
export interface JobContext {
  /**
   * 0 … 1. Call it as often as you like: it costs a look at the clock. Throws when the job is to stop, so that a job
   * that reports ends in good order; one that does not is killed with its thread.
   */
  report(progress: number): void;
  /**
   * Around work of native code that cannot be stopped: the thread gets time to wait for its end, since killing it would
   * lose what that code holds. The work must bound its own time. Throws afterwards when the job is to stop.
   */
  native<Value>(work: () => Promise<Value>): Promise<Value>;
}

export function threadMain<Job, Result>(
  run: (job: Job, context: JobContext) => Promise<Result>,
): (order: Order<Job>) => Promise<Answer<Result>> {
  return async (order) => {
    if (order.kind === "ping") return { kind: "pong" };
    const { jobId } = order;
    say({ kind: "started", jobId });
    try {
      const context = contextOf(jobId, order.stop);
      context.report(0); // It may have been stopped while this thread started.
      const result = await run(order.job, context);
      return { kind: "done", result, thread: threadState() };
    } catch (error) {
      const code = error instanceof JobFailure ? error.code : "HANDLER_ERROR";
      const isRetryable = error instanceof JobFailure ? error.isRetryable : true;
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", error: { code, message }, isRetryable, thread: threadState() };
    }
  };
}

function say(news: News): void {
  parentPort?.postMessage(news);
}

function contextOf(jobId: number, stop: Int32Array<SharedArrayBuffer>): JobContext {
  let saidAtMs = performance.now();
  const throwIfStopped = (): void => {
    if (Atomics.load(stop, 0) !== 0) throw new JobFailure("STOPPED", "it was asked to stop", true);
  };
  return {
    report(progress) {
      throwIfStopped();
      const nowMs = performance.now();
      if (nowMs - saidAtMs < THREAD_PROGRESS_MS) return;
      saidAtMs = nowMs;
      // heapSize() takes 0.1 ms; heapStats(), which counts objects by type, 20 ms on a heap of 25 MB.
      say({ kind: "progress", jobId, progress: Math.min(1, Math.max(0, progress)), heapBytes: heapSize() });
    },
    async native(work) {
      throwIfStopped();
      say({ kind: "native", jobId, isNative: true });
      try {
        return await work();
      } finally {
        say({ kind: "native", jobId, isNative: false });
        throwIfStopped();
      }
    },
  };
}

/** What stays after the job. Garbage is no reason to replace a thread: collect first, if there seems to be much. */
function threadState(): ThreadState {
  if (heapSize() > THREAD_HEAP_BYTES_MAX / 2) Bun.gc(true);
  return { threadId, heapBytes: heapSize() };
}
