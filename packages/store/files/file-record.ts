import type { Json } from "@millrace/core";
import type { Sql, Transaction } from "../connect.ts";
import { TASK_COLUMNS, TASK_JOINS, type TaskRecord, type TaskRow, toRecord } from "../tasks/task-row.ts";

export type FileState = "uploading" | "uploaded" | "expired" | "deleted";
export type UploadKind = "multipart" | "tus";

/** The row of a file. */
export interface FileRow {
  readonly fileId: string;
  readonly ownerId: number;
  readonly tenant: string | null;
  /** For display only. */
  readonly filename: string;
  /** What the client said; never trusted. */
  readonly contentType: string;
  /** Null while an upload has not said it yet. */
  readonly operation: string | null;
  readonly options: Json;
  readonly declaredSize: number | null;
  /** Null until it has arrived. */
  readonly size: number | null;
  /** In hex. */
  readonly sha256: string | null;
  readonly uploadKind: UploadKind;
  readonly state: FileState;
  readonly uploadOffset: number;
  readonly uploadExpiresAt: Date;
  readonly contentKey: string;
  /** What it takes of its owner's quota. */
  readonly keptBytes: number;
  readonly idempotencyKey: string | null;
  readonly correlationId: string;
  readonly createdAt: Date;
  readonly uploadedAt: Date | null;
}

/** A file with the task that was made of it; null while it arrives. */
export interface FileRecord extends FileRow {
  readonly task: TaskRecord | null;
}

export const FILE_COLUMNS = `
  f.file_id as "fileId", f.owner_id as "ownerId", f.tenant as "fileTenant", f.filename, f.content_type as "contentType",
  f.operation, f.options, f.declared_size as "declaredSize", f.size, f.sha256, f.upload_kind as "uploadKind", f.state,
  f.upload_offset as "uploadOffset", f.upload_expires_at as "uploadExpiresAt", f.content_key as "contentKey",
  f.kept_bytes as "keptBytes", f.idempotency_key as "idempotencyKey", f.correlation_id as "correlationId",
  f.created_at as "createdAt", f.uploaded_at as "uploadedAt"`;

export type FileColumns = Omit<FileRow, "tenant"> & { readonly fileTenant: string | null };

/** With its task, from one snapshot. A file whose task was forgotten with its days is over, too: it is not found. */
const WITH_TASK = `${FILE_COLUMNS}, ${TASK_COLUMNS}`;
export const FILE_JOINS = `
  left join lateral (select * from tasks e where e.seq = f.task_seq limit 1) t on true ${TASK_JOINS}`;
export const IS_KEPT = "(f.state = 'uploading' or (f.state = 'uploaded' and t.seq is not null))";

type JoinedRow = FileColumns & { readonly [Column in keyof TaskRow]: TaskRow[Column] | null };

export function selectFiles(sql: Sql | Transaction, rest: ReturnType<Sql>): PromiseLike<JoinedRow[]> {
  return sql<JoinedRow[]>`select ${sql.unsafe(WITH_TASK)} ${rest}`;
}

export function toFileRow(row: FileColumns): FileRow {
  const { fileTenant: tenant } = row;
  return {
    fileId: row.fileId,
    ownerId: row.ownerId,
    tenant,
    filename: row.filename,
    contentType: row.contentType,
    operation: row.operation,
    options: row.options,
    declaredSize: row.declaredSize,
    size: row.size,
    sha256: row.sha256,
    uploadKind: row.uploadKind,
    state: row.state,
    uploadOffset: row.uploadOffset,
    uploadExpiresAt: row.uploadExpiresAt,
    contentKey: row.contentKey,
    keptBytes: row.keptBytes,
    idempotencyKey: row.idempotencyKey,
    correlationId: row.correlationId,
    createdAt: row.createdAt,
    uploadedAt: row.uploadedAt,
  };
}

export function toFileRecord(row: JoinedRow): FileRecord {
  return { ...toFileRow(row), task: hasTask(row) ? toRecord(row) : null };
}

/** The columns of a task are null together: the join found one, or none. */
function hasTask(row: JoinedRow): row is JoinedRow & TaskRow {
  return row.seq !== null;
}
