import type { FileQuota, NewUpload, Sql } from "@millrace/store";
import { createUpload, finishUpload } from "@millrace/store";

export const WIDE_QUOTA: FileQuota = { filesMax: 1_000, bytesMax: 1_000_000, perMinuteMax: 1_000 };

export function newUpload(overrides: Partial<NewUpload> = {}): NewUpload {
  const fileId = Bun.randomUUIDv7();
  return {
    fileId,
    ownerId: 1,
    tenant: null,
    filename: "words.txt",
    contentType: "text/plain",
    operation: "uppercase",
    options: null,
    declaredSize: 10,
    bytesMax: 100,
    uploadKind: "multipart",
    contentKey: `content/${fileId}`,
    lifeMs: 60_000,
    idempotencyKey: null,
    correlationId: "correlation-1",
    ...overrides,
  };
}

export function finishOf(fileId: string, size = 10) {
  return { fileId, size, sha256: "ab".repeat(32), timeoutS: 120 };
}

/** A file that has arrived, with its task's seq. */
export async function storeFile(sql: Sql, overrides: Partial<NewUpload> = {}) {
  const upload = newUpload(overrides);
  await createUpload(sql, upload, WIDE_QUOTA);
  const finish = await finishUpload(sql, finishOf(upload.fileId));
  if (finish.kind !== "finished" || finish.submission.kind !== "stored")
    throw new Error(`the upload ended as ${finish.kind}`);
  return { fileId: upload.fileId, seq: finish.submission.seq, task: finish.task };
}
