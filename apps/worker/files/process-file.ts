import { open, rm } from "node:fs/promises";
import type { Json } from "@millrace/core";
import { type JobOutcome, type RunOptions, ThreadPool, type ThreadPoolOptions } from "@millrace/pool";
import type { FileJob, FileResult } from "./run-file.ts";

export type FilePool = ThreadPool<FileJob, FileResult>;

/** What threads run unless they are told otherwise. */
export const THREAD_MODULE = new URL("./run-file.ts", import.meta.url).pathname;

export interface FilePoolOptions extends Omit<ThreadPoolOptions, "filename"> {
  /** Another module, whose default export is `threadMain` of what `runFile` does, and more: for tests. */
  readonly threadModule?: string;
}

/** The threads of one worker process, for files alone. `threads` is MAX_FILE_WORKERS. */
export function startFilePool({
  threadModule = THREAD_MODULE,
  ...options
}: FilePoolOptions): Promise<FilePool> {
  return ThreadPool.start({ ...options, filename: threadModule });
}

export interface FileWork {
  readonly operation: string;
  readonly options: Json;
  readonly inputPath: string;
  /** Made by this call; must not exist yet. Removed again unless the outcome is `done`. */
  readonly outputPath: string;
}

/**
 * Runs one operation on one file. Outcomes and rejections are those of `ThreadPool.run`; codes of operations are
 * INPUT_INVALID and PAYLOAD_INVALID. The result is written, not synced. Rejects when one of the files cannot be opened.
 */
export async function processFile(
  pool: FilePool,
  work: FileWork,
  options: RunOptions,
): Promise<JobOutcome<FileResult>> {
  const { outputPath, ...rest } = work;
  await using input = await open(work.inputPath, "r");
  const output = await open(outputPath, "wx", 0o600);
  let isDone = false;
  try {
    const { size } = await input.stat();
    const job: FileJob = {
      ...rest,
      inputFd: input.fd,
      inputBytes: size,
      outputFd: output.fd,
      timeoutMs: options.timeoutMs,
    };
    const outcome = await pool.run(job, options);
    isDone = outcome.kind === "done";
    return outcome;
  } finally {
    await output.close();
    if (!isDone) await rm(outputPath, { force: true });
  }
}
