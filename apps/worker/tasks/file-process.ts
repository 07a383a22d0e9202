import { rm } from "node:fs/promises";
import { type AttemptOutcome, Fault } from "@millrace/core";
import { FILE_STORAGE_PAUSE_MS } from "@millrace/core/limits";
import type { JobOutcome } from "@millrace/pool";
import { JobFailure } from "@millrace/pool/thread";
import {
  DEADLY_ERRORS,
  decodeFileTask,
  FILE_TASK_TYPE,
  type FileTask,
} from "@millrace/protocol/file-operations/index";
import { openContent } from "../files/content.ts";
import { processFile } from "../files/process-file.ts";
import { type AloneOutcome, runAlone } from "../files/run-alone.ts";
import type { FileResult } from "../files/run-file.ts";
import type { FilePorts } from "../files/start-files.ts";
import { storeResult } from "../files/store-result.ts";
import type { TaskContext, TaskPorts, TaskType } from "../task-type.ts";

/** A deletion cancels the task, too; whoever reads this has more likely given two processes different places for files. */
const CONTENT_MISSING =
  "the file has no content in the storage of this worker: it was deleted, or STORAGE_URL is not that of the api";

/** Runs one operation on one uploaded file, in a thread. Null: this worker takes no files. */
export default function fileProcess({ files }: TaskPorts): TaskType | null {
  if (files === undefined) return null;
  return {
    taskType: FILE_TASK_TYPE,
    async run(context) {
      const task = decodeFileTask(context.payload);
      if (task?.file_id !== context.taskId)
        return failed("PAYLOAD_INVALID", "it is not the payload of this file's task", false);
      const startedMs = performance.now();
      const outcome = await attempt({ task, context, files, startedMs }).catch((error: unknown) => {
        context.signal.throwIfAborted();
        return failureOf(error);
      });
      files.metrics.observe(task.operation, outcome.kind, (performance.now() - startedMs) / 1000);
      return outcome;
    },
  };
}

interface Attempt {
  readonly task: FileTask;
  readonly context: TaskContext;
  readonly files: FilePorts;
  readonly startedMs: number;
}

/** Rejects with the signal's reason, or what `failureOf` makes a failure of. */
async function attempt(own: Attempt): Promise<AttemptOutcome> {
  const { task, context, files, startedMs } = own;
  const { signal } = context;
  await using content = await openContent(task.content_key, { ...files, signal });
  if (content === undefined) return failed("CONTENT_MISSING", CONTENT_MISSING, false);
  if (content.bytes !== task.size) {
    const message = `the content has ${content.bytes} bytes instead of ${task.size}`;
    return failed("CONTENT_DAMAGED", message, false);
  }
  const path = files.scratch.newPath();
  try {
    const outcome = await run(own, content.path, path);
    signal.throwIfAborted();
    if (outcome.kind === "failed") return patient(outcome);
    const made = { task, attempt: context.attempt, made: outcome.result, path, signal };
    const { result, summary } = await storeResult(files.blobs, made);
    files.metrics.bytes.add({ direction: "in" }, content.bytes);
    files.metrics.bytes.add({ direction: "out" }, outcome.result.bytes);
    const durationMs = Math.round(performance.now() - startedMs);
    return {
      kind: "completed",
      result: { result: result === null ? null : { ...result }, summary, duration_ms: durationMs },
    };
  } finally {
    await rm(path, { force: true });
  }
}

/** In a thread of the pool; a file that a worker or thread has died with, in a process of its own. */
async function run(
  { task, context, files }: Attempt,
  inputPath: string,
  outputPath: string,
): Promise<JobOutcome<FileResult>> {
  const work = { operation: task.operation, options: task.options, inputPath, outputPath };
  const options = {
    timeoutMs: context.timeoutMs,
    signal: context.signal,
    onProgress: (progress: number) => context.reportProgress(progress),
  };
  const losses = context.attempt === 1 ? 0 : await files.countLosses(context.taskId);
  if (losses === 0) return await processFile(files.pool, work, { ...options, owner: String(task.owner_id) });
  context.log.warn("a file that a worker or thread died with runs alone", { losses });
  const outcome = await runAlone(work, { ...options, threadModule: files.threadModule });
  files.metrics.aloneRuns.add({ end: outcome.kind });
  return quarantined(outcome, losses);
}

/** The first death may have been another's doing, or nobody's; one that happens alone is the file's own. */
function quarantined(outcome: AloneOutcome, losses: number): JobOutcome<FileResult> {
  if (outcome.kind === "done") return outcome;
  const isDeadly = outcome.kind === "died" || DEADLY_ERRORS.includes(outcome.error.code);
  if (!isDeadly) return outcome;
  const how = outcome.kind === "died" ? outcome.how : outcome.error.message;
  const times = losses === 1 ? "once" : `${losses} times`;
  const message = `it ended the worker or thread that processed it ${times}, and then the process in which it ran alone (${how}): it is not tried again`;
  return failed("QUARANTINED", message, false);
}

/** What the storage and the operations throw. Anything else is a mistake of ours, and thrown on. */
function failureOf(error: unknown): AttemptOutcome {
  if (error instanceof JobFailure) return failed(error.code, error.message, error.isRetryable);
  if (!(error instanceof Fault)) throw error;
  return patient(failed(error.code, error.message, true));
}

/** Attempts are few, and a storage may take a while to come back. */
function patient(failure: Failure): Failure {
  const { code } = failure.error;
  const isStorage = code === "STORAGE_UNAVAILABLE" || code === "STORAGE_FULL";
  return isStorage ? { ...failure, retryAfterMs: FILE_STORAGE_PAUSE_MS } : failure;
}

type Failure = Extract<AttemptOutcome, { kind: "failed" }>;

function failed(code: string, message: string, isRetryable: boolean): Failure {
  return { kind: "failed", error: { code, message }, isRetryable };
}
