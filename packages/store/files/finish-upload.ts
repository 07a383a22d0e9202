import type { Json } from "@millrace/core";
import {
  ATTEMPTS_DEFAULT,
  BACKOFF_FACTOR_DEFAULT,
  BACKOFF_INITIAL_MS_DEFAULT,
  BACKOFF_MAX_MS_DEFAULT,
} from "@millrace/core/limits";
import { FILE_TASK_TYPE, type FileTask } from "@millrace/protocol/file-operations/index";
import type { Sql, Transaction } from "../connect.ts";
import { type NewTask, type Submission, submitTasks } from "../tasks/submit-tasks.ts";
import { FILE_COLUMNS, type FileColumns, type FileRow, toFileRow } from "./file-record.ts";

export interface FinishedUpload {
  readonly fileId: string;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
  /** For a request that says them after the bytes; otherwise those of the row count. */
  readonly operation?: string | undefined;
  readonly options?: Json | undefined;
  /** Of the request that ends it, where its trace is recorded. */
  readonly traceContext?: string | undefined;
  /** How long one attempt at processing may take. */
  readonly timeoutS: number;
}

export type UploadFinish =
  /** `submission` is that of `task`: publish it, as others do. */
  | {
      readonly kind: "finished";
      readonly file: FileRow;
      readonly task: NewTask;
      readonly submission: Submission;
    }
  /** It was finished before; its task exists. */
  | { readonly kind: "finished-before"; readonly file: FileRow }
  /** Expired, deleted, or never begun. Its bytes are nobody's. */
  | { readonly kind: "gone" }
  /** Somebody made a task with this id. */
  | { readonly kind: "task-id-taken" };

/** The fairest place in line, for somebody with nothing in it, and one lower for each file that waits already. */
const PRIORITY_OF_FIRST = 8;

/**
 * The upload's end: the file has all its bytes, and its task exists, or neither. Doing it again gives the same answer,
 * so that whoever dies after the commit, or never hears of it, can repeat it.
 */
export async function finishUpload(sql: Sql, upload: FinishedUpload): Promise<UploadFinish> {
  return await sql.begin(async (tx): Promise<UploadFinish> => {
    const [found] = await tx<FileColumns[]>`
      select ${tx.unsafe(FILE_COLUMNS)} from files f where f.file_id = ${upload.fileId} for update`;
    if (found?.state === "uploaded") return { kind: "finished-before", file: toFileRow(found) };
    if (found?.state !== "uploading") return { kind: "gone" };
    const operation = upload.operation ?? found.operation;
    if (operation === null) throw new Error(`upload ${upload.fileId} ends without an operation`);
    const options = upload.options === undefined ? found.options : upload.options;
    const priority = await fairPriority(tx, found.ownerId);
    const task = taskOf(toFileRow(found), { ...upload, operation, options }, priority);
    const [submission] = await submitTasks(tx, [task]);
    if (submission?.kind !== "stored") return { kind: "task-id-taken" };
    const file = await noteUploaded(tx, { ...upload, operation, options, taskSeq: submission.seq });
    return { kind: "finished", file, task, submission };
  });
}

/**
 * Fair between users, whatever they bring: the more files of somebody are unfinished, the later the next one's turn.
 * The newest eight are looked at: whoever has so many in line has the newest ones at its end.
 */
async function fairPriority(tx: Transaction, ownerId: number): Promise<number> {
  const [row] = await tx<{ unfinished: number }[]>`
    select count(*)::integer as unfinished from (
      select task_seq from files where owner_id = ${ownerId} and state = 'uploaded'
      order by file_id desc limit ${PRIORITY_OF_FIRST}
    ) newest where exists (select 1 from open_tasks o where o.seq = newest.task_seq)`;
  return Math.max(1, PRIORITY_OF_FIRST - (row?.unfinished ?? 0));
}

interface Complete extends FinishedUpload {
  readonly operation: string;
  readonly options: Json;
}

function taskOf(
  file: FileRow,
  { operation, options, size, sha256, timeoutS, traceContext }: Complete,
  priority: number,
): NewTask {
  const payload: FileTask = {
    file_id: file.fileId,
    owner_id: file.ownerId,
    operation,
    options,
    content_key: file.contentKey,
    filename: file.filename,
    size,
    sha256,
  };
  return {
    task_id: file.fileId,
    task_type: FILE_TASK_TYPE,
    owner_id: file.ownerId,
    lane: "file",
    priority,
    payload: { ...payload },
    dependencies: null,
    timeout_s: timeoutS,
    max_attempts: ATTEMPTS_DEFAULT,
    backoff: {
      initial_ms: BACKOFF_INITIAL_MS_DEFAULT,
      factor: BACKOFF_FACTOR_DEFAULT,
      max_ms: BACKOFF_MAX_MS_DEFAULT,
      jitter: true,
    },
    run_at: null,
    tenant: file.tenant,
    correlation_id: file.correlationId,
    ...(traceContext !== undefined && { trace_context: traceContext }),
  };
}

async function noteUploaded(
  tx: Transaction,
  upload: Complete & { readonly taskSeq: number },
): Promise<FileRow> {
  const options = upload.options === null ? null : JSON.stringify(upload.options);
  const [row] = await tx<FileColumns[]>`
    update files f set state = 'uploaded', size = ${upload.size}, sha256 = ${upload.sha256},
      operation = ${upload.operation}, options = ${options}::text::json, upload_offset = ${upload.size},
      kept_bytes = ${upload.size}, task_seq = ${upload.taskSeq}, uploaded_at = clock_timestamp()
    where file_id = ${upload.fileId} returning ${tx.unsafe(FILE_COLUMNS)}`;
  if (row === undefined) throw new Error("a locked row is gone");
  return toFileRow(row);
}
