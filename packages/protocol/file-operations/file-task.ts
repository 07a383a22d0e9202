import type { Json } from "@millrace/core";

/** The type of the tasks that uploads make; nobody else may. */
export const FILE_TASK_TYPE = "file.process";

/** The payload of such a task. Its task_id is the file's id. */
export interface FileTask {
  readonly file_id: string;
  /** Whose file it is: threads are shared fairly between owners. */
  readonly owner_id: number;
  readonly operation: string;
  readonly options: Json;
  /** Always `contentKey(file_id)`. */
  readonly content_key: string;
  /** For people and headers only. */
  readonly filename: string;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}

/** What a file's task ends with. */
export interface FileTaskResult {
  readonly result: StoredResult | null;
  /** What the operation has to say about the file, small enough to be shown; null when it says nothing. */
  readonly summary: Json;
  /** How long the attempt took, from the fetched content to the stored result. */
  readonly duration_ms: number;
}

/** The result as a file of its own. */
export interface StoredResult {
  /** `resultKey(file_id, attempt)`. */
  readonly key: string;
  /** For people and headers only. */
  readonly name: string;
  readonly content_type: string;
  readonly size: number;
  readonly sha256: string;
}

/** Errors of attempts that took down what ran them: the next one runs in a process of its own. */
export const DEADLY_ERRORS: readonly string[] = ["THREAD_DIED", "MEMORY_EXCEEDED"];

/** The prefixes of the keys of blobs, each followed by the id of a file. */
export const UPLOADS_PREFIX = "uploads";
export const CONTENT_PREFIX = "content";
export const RESULTS_PREFIX = "results";

export function contentKey(fileId: string): string {
  return `${CONTENT_PREFIX}/${fileId}`;
}

/** One for each attempt: an attempt that lost its claim must not write over the result of the one that counts. */
export function resultKey(fileId: string, attempt: number): string {
  return `${RESULTS_PREFIX}/${fileId}/${attempt}`;
}

/** Null for what is no task of a file of ours: a redrive can patch a payload, and must not lead to another's bytes. */
export function decodeFileTask(payload: Json): FileTask | null {
  const body = fieldsOf(payload);
  if (body === null) return null;
  const { file_id, owner_id, operation, options, content_key, filename, size, sha256 } = body;
  const isOurs = typeof file_id === "string" && content_key === contentKey(file_id);
  if (!isOurs || !isCount(owner_id) || !isCount(size)) return null;
  if (typeof operation !== "string" || typeof filename !== "string" || typeof sha256 !== "string")
    return null;
  return { file_id, owner_id, operation, options: options ?? null, content_key, filename, size, sha256 };
}

/** Null for what a worker of ours has not written. */
export function decodeFileResult(value: Json): FileTaskResult | null {
  const body = fieldsOf(value);
  if (body === null || !isCount(body.duration_ms)) return null;
  const { summary = null, duration_ms } = body;
  const result = body.result ?? null;
  if (result === null) return { result, summary, duration_ms };
  const stored = decodeStored(result);
  return stored === null ? null : { result: stored, summary, duration_ms };
}

function decodeStored(value: Json): StoredResult | null {
  const body = fieldsOf(value);
  if (body === null || !isCount(body.size)) return null;
  const { key, name, content_type, size, sha256 } = body;
  if (typeof key !== "string" || typeof name !== "string") return null;
  if (typeof content_type !== "string" || typeof sha256 !== "string") return null;
  return { key, name, content_type, size, sha256 };
}

function fieldsOf(value: Json): { readonly [name: string]: Json | undefined } | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  return value as { readonly [name: string]: Json | undefined }; // Neither null nor a list: an object, by its type.
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
