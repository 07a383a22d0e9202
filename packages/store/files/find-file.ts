import type { Sql, Transaction } from "../connect.ts";
import { FILE_JOINS, type FileRecord, IS_KEPT, selectFiles, toFileRecord } from "./file-record.ts";

/** The file with this id and its task; null when there is none, or none any more. */
export async function findFile(sql: Sql, fileId: string): Promise<FileRecord | null> {
  const [row] = await selectFiles(
    sql,
    sql`from files f ${sql.unsafe(FILE_JOINS)} where f.file_id = ${fileId} and ${sql.unsafe(IS_KEPT)}`,
  );
  return row === undefined ? null : toFileRecord(row);
}

export async function findFileByIdempotencyKey(
  sql: Sql | Transaction,
  ownerId: number,
  key: string,
): Promise<FileRecord | null> {
  const [row] = await selectFiles(
    sql,
    sql`from files f ${sql.unsafe(FILE_JOINS)}
      where f.owner_id = ${ownerId} and f.idempotency_key = ${key} and f.state in ('uploading', 'uploaded')`,
  );
  return row === undefined ? null : toFileRecord(row);
}
