import type { FileStatus, Json } from "@millrace/core";
import type { TaskErrorWords } from "./types.ts";

export type { FileStatus };

/** What travels, word for word. */
export interface FileInfo {
  readonly file_id: string;
  /** For display only. */
  readonly filename: string;
  readonly content_type: string;
  /** Null while an upload has not said it. */
  readonly operation: string | null;
  readonly options: Json;
  /** Bytes, once they have arrived. */
  readonly size: number | null;
  readonly declared_size: number | null;
  /** Bytes that have arrived. */
  readonly uploaded: number;
  readonly sha256: string | null;
  readonly status: FileStatus;
  /** 0 … 1: of the bytes while they arrive, of the processing afterwards. */
  readonly progress: number | null;
  readonly attempts: number;
  readonly max_attempts: number | null;
  readonly error: TaskErrorWords | null;
  readonly task_id: string | null;
  readonly upload: "multipart" | "tus";
  readonly result: FileResult | null;
  /** What the operation says about the file, when it is small enough. */
  readonly summary: Json;
  readonly created_at: string;
  readonly uploaded_at: string | null;
  readonly upload_expires_at: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly next_attempt_at: string | null;
  readonly correlation_id: string;
}

export interface FileResult {
  readonly name: string;
  readonly content_type: string;
  readonly size: number;
  readonly sha256: string;
  readonly url: string;
}

export interface FilePage {
  readonly items: readonly FileInfo[];
  readonly limit: number;
  /** Null on the last page. */
  readonly next_cursor: string | null;
}

export interface FileFilter {
  readonly status?: FileStatus;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface FileOperationInfo {
  readonly operation: string;
  readonly description: string;
  readonly options: readonly { readonly [name: string]: Json }[];
}
