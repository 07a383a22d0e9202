import type { FileStatus } from "@millrace/core";
import type { Sql } from "../connect.ts";
import { FILE_JOINS, type FileRecord, IS_KEPT, selectFiles, toFileRecord } from "./file-record.ts";

export interface FilePage {
  /** Only this owner's; null for everybody's. */
  readonly ownerId: number | null;
  readonly status?: FileStatus | undefined;
  readonly limit: number;
  /** Continues after this one, towards older ones. */
  readonly before?: string | undefined;
}

/** Newest first. The status is that of the task, as it stands in the same snapshot. */
export async function listFiles(sql: Sql, page: FilePage): Promise<readonly FileRecord[]> {
  const { ownerId, status, before, limit } = page;
  const rows = await selectFiles(
    sql,
    sql`from files f ${sql.unsafe(FILE_JOINS)}
      where ${sql.unsafe(IS_KEPT)} ${isOf(sql, status)}
        ${ownerId === null ? sql`` : sql`and f.owner_id = ${ownerId}`}
        ${before === undefined ? sql`` : sql`and f.file_id < ${before}`}
      order by f.file_id desc limit ${limit}`,
  );
  return rows.map(toFileRecord);
}

/** `o` is the open row of the task, `l` its last outcome. */
function isOf(sql: Sql, status: FileStatus | undefined): ReturnType<Sql> {
  switch (status) {
    case undefined:
      return sql``;
    case "uploading":
      return sql`and f.state = 'uploading'`;
    case "queued":
      return sql`and o.seq is not null and o.claimed_by is null`;
    case "processing":
      return sql`and o.seq is not null and o.claimed_by is not null`;
    case "completed":
      return sql`and f.state = 'uploaded' and o.seq is null and l.kind = 'completed'`;
    case "failed":
      return sql`and f.state = 'uploaded' and o.seq is null and l.kind in ('dead', 'cancelled')`;
  }
}
