import type { Sql } from "../connect.ts";
import { FILE_COLUMNS, type FileColumns, type FileRow, toFileRow } from "./file-record.ts";

/**
 * The row alone of a resumable upload that goes on, or has become a file; null for any other. For the requests that
 * bring its bytes: one look at one index, where the file with its task takes several.
 */
export async function findUpload(sql: Sql, fileId: string): Promise<FileRow | null> {
  const [row] = await sql<FileColumns[]>`
    select ${sql.unsafe(FILE_COLUMNS)} from files f
    where f.file_id = ${fileId} and f.upload_kind = 'tus' and f.state in ('uploading', 'uploaded')`;
  return row === undefined ? null : toFileRow(row);
}
