import type { TaskError } from "@millrace/core";

/** What the pool and its threads say to each other. Values only: errors lose their fields on the way. */

export type Order<Job> =
  /** Answered at once; proves that the thread has loaded its module. */
  | { readonly kind: "ping" }
  | {
      readonly kind: "job";
      readonly jobId: number;
      readonly job: Job;
      /** Shared: `stop[0]` is raised when the job is to end. A message would not reach a thread that computes. */
      readonly stop: Int32Array<SharedArrayBuffer>;
    };

/** Sent while a job runs. */
export type News = { readonly jobId: number } & (
  | { readonly kind: "started" }
  | { readonly kind: "native"; readonly isNative: boolean }
  | { readonly kind: "progress"; readonly progress: number; readonly heapBytes: number }
);

export type Answer<Result> =
  | { readonly kind: "pong" }
  | { readonly kind: "done"; readonly result: Result; readonly thread: ThreadState }
  | {
      readonly kind: "failed";
      readonly error: TaskError;
      readonly isRetryable: boolean;
      readonly thread: ThreadState;
    };

/** How the thread is after a job. */
export interface ThreadState {
  readonly threadId: number;
  readonly heapBytes: number;
}
