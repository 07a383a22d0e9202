import type { Sql } from "../connect.ts";
import { FILE_COLUMNS, type FileColumns, type FileRow, toFileRow } from "./file-record.ts";

export interface FoundUpload extends FileRow {
  /** As the client sent it; null for rows of before that was kept. */
  readonly uploadMetadata: string | null;
}

/**
 * The row alone of a resumable upload that goes on, or has become a file; null for any other. For the requests that
 * bring its bytes: one look at one index, where the file with its task takes several.
 */
export async function findUpload(sql: Sql, fileId: string): Promise<FoundUpload | null> {
  const [row] = await sql<(FileColumns & Pick<FoundUpload, "uploadMetadata">)[]>`
    select ${sql.unsafe(FILE_COLUMNS)}, f.upload_metadata as "uploadMetadata" from files f
    where f.file_id = ${fileId} and f.upload_kind = 'tus' and f.state in ('uploading', 'uploaded')`;
  return row === undefined ? null : { ...toFileRow(row), uploadMetadata: row.uploadMetadata };
}
