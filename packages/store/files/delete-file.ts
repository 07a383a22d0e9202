import type { Sql } from "../connect.ts";
import { type CancelledTask, cancelTask } from "../tasks/cancel-task.ts";
import { FILE_COLUMNS, type FileColumns, type FileRow, toFileRow } from "./file-record.ts";

export interface DeletedFile {
  readonly file: FileRow;
  readonly taskSeq: number | null;
  /** What became of its unfinished task; null when it had none. */
  readonly cancelled: CancelledTask | null;
}

/**
 * From now on the file does not exist for its owner, and its task, if it is unfinished, is cancelled: both or neither.
 * Its bytes are still there. Null when there is no such file.
 */
export async function deleteFile(sql: Sql, fileId: string): Promise<DeletedFile | null> {
  return await sql.begin(async (tx) => {
    const [row] = await tx<(FileColumns & { taskSeq: number | null })[]>`
      update files f set state = 'deleted', ended_at = clock_timestamp()
      where file_id = ${fileId} and state in ('uploading', 'uploaded')
      returning ${tx.unsafe(FILE_COLUMNS)}, f.task_seq as "taskSeq"`;
    if (row === undefined) return null;
    const { taskSeq } = row;
    const cancelled = taskSeq === null ? null : await cancelTask(tx, taskSeq, "the file was deleted");
    return { file: toFileRow(row), taskSeq, cancelled };
  });
}
