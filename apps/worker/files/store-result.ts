import { createReadStream } from "node:fs";
import type { Blobs, WrittenBlob } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { FILE_RESULT_BYTES_MAX, FILE_SUMMARY_BYTES_MAX } from "@millrace/core/limits";
import { JobFailure } from "@millrace/pool/thread";
import {
  type FileTask,
  type FileTaskResult,
  isFileOperationName,
  resultKey,
  resultName,
} from "@millrace/protocol/file-operations/index";
import type { FileResult } from "./run-file.ts";

const PIECE_BYTES = 1024 * 1024;

export interface NewResult {
  readonly task: FileTask;
  readonly attempt: number;
  readonly made: FileResult;
  /** Where the thread has written it. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Makes a result permanent, and describes it; how long it all took is not known here. */
export async function storeResult(
  blobs: Blobs,
  { task, attempt, made, path, signal }: NewResult,
): Promise<Omit<FileTaskResult, "duration_ms">> {
  const key = resultKey(task.file_id, attempt);
  const written = await keep(blobs, { key, path, signal }).catch((error: unknown) => {
    if (!(error instanceof Fault && error.code === "BODY_TOO_LARGE")) throw error;
    const message = `the result has more than ${FILE_RESULT_BYTES_MAX} bytes`;
    throw new JobFailure("RESULT_TOO_LARGE", message, false);
  });
  return {
    result: {
      key,
      name: nameOf(task, made.extension),
      content_type: made.contentType,
      size: written.bytes,
      sha256: written.sha256,
    },
    summary: isShort(made) ? made.summary : null,
  };
}

interface Kept {
  readonly key: string;
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Moved into the storage where that can be, else copied. */
async function keep(blobs: Blobs, { key, path, signal }: Kept): Promise<WrittenBlob> {
  const options = { bytesMax: FILE_RESULT_BYTES_MAX, signal };
  const adopted = await blobs.adopt?.(key, path, options);
  if (adopted !== undefined) return adopted;
  const source = createReadStream(path, { highWaterMark: PIECE_BYTES });
  return await blobs.write(key, source, options).finally(() => source.destroy());
}

function nameOf({ filename, operation }: FileTask, extension: string | null): string {
  return isFileOperationName(operation) ? resultName(filename, operation, extension) : filename;
}

/** The task's result must stay small; what is longer stands in the result file alone. */
function isShort({ summary }: FileResult): boolean {
  return Buffer.byteLength(JSON.stringify(summary)) <= FILE_SUMMARY_BYTES_MAX;
}
