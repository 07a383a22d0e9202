import { type FileStatus, fileStatusOf, type Json } from "@millrace/core";
import type { LiveFile } from "@millrace/protocol";
import {
  decodeFileResult,
  type FileTaskResult,
  RESULTS_PREFIX,
} from "@millrace/protocol/file-operations/index";
import type { FileRecord, FileRow } from "@millrace/store";
import { isoTime } from "../http/iso-time.ts";
import type { Ports } from "../ports.ts";

export type LiveView = Pick<Ports, "live" | "liveFiles">;

/** A file as clients see it. How far it is comes from what is told live, not from the database. */
export function viewFile(file: FileRecord, { live, liveFiles }: LiveView) {
  const { task } = file;
  const heard = liveFiles.heard(file.fileId);
  const result = resultOf(file);
  return {
    file_id: file.fileId,
    filename: file.filename,
    content_type: file.contentType,
    operation: file.operation,
    options: file.options,
    size: file.size,
    declared_size: file.declaredSize,
    uploaded: uploadedOf(file, heard),
    sha256: file.sha256,
    status: statusOf(file),
    progress: progressOf(file, { live, heard }),
    attempts: task?.attempts ?? 0,
    max_attempts: task?.maxAttempts ?? null,
    error: task?.error ?? null,
    task_id: task?.taskId ?? null,
    upload: file.uploadKind,
    result: viewResult(file, result),
    summary: result?.summary ?? null,
    created_at: isoTime(file.createdAt),
    uploaded_at: isoTime(file.uploadedAt),
    upload_expires_at: file.state === "uploading" ? isoTime(file.uploadExpiresAt) : null,
    started_at: isoTime(task?.startedAt ?? null),
    completed_at: isoTime(task?.completedAt ?? null),
    next_attempt_at: isoTime(task?.nextAttemptAt ?? null),
    correlation_id: file.correlationId,
  };
}

export type FileView = ReturnType<typeof viewFile>;

export function statusOf(file: FileRecord): FileStatus {
  return fileStatusOf(file.task?.status ?? null);
}

/** What the task ended with; null before, and for what no worker of ours has written. */
export function resultOf(file: FileRecord): FileTaskResult | null {
  const { task } = file;
  if (task?.status !== "completed") return null;
  const decoded = decodeFileResult(task.result);
  // Whoever can settle a task can write any key into its result: it must not lead to another file's bytes.
  const isOwn = decoded?.result?.key.startsWith(`${RESULTS_PREFIX}/${file.fileId}/`) ?? true;
  return isOwn ? decoded : null;
}

function viewResult(file: FileRow, result: FileTaskResult | null): Json {
  if (result?.result == null) return null;
  const { name, content_type, size, sha256 } = result.result;
  return { name, content_type, size, sha256, url: `/api/files/${file.fileId}/result` };
}

/** Live news may be older than the row, and the row older than the news. */
function uploadedOf(file: FileRow, heard: LiveFile | undefined): number {
  return file.size ?? Math.max(file.uploadOffset, heard?.uploaded ?? 0);
}

interface Hearsay {
  readonly live: LiveView["live"];
  readonly heard: LiveFile | undefined;
}

/** 0 to 1: of the bytes while they arrive, of the processing afterwards; null when nobody knows. */
function progressOf(file: FileRecord, { live, heard }: Hearsay): number | null {
  const { task } = file;
  if (task === null) {
    const { declaredSize } = file;
    if (declaredSize === null) return null;
    return declaredSize === 0 ? 1 : Math.min(1, uploadedOf(file, heard) / declaredSize);
  }
  if (task.phase === "done") return 1;
  if (task.completedAt !== null) return null;
  return task.runningAttempt === null ? 0 : (live.progressOf(task.seq, task.runningAttempt) ?? 0);
}
