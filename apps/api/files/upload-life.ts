import { Fault } from "@millrace/core";
import {
  createUpload,
  expireUpload,
  type FileRecord,
  type FileRow,
  type FinishedUpload,
  finishUpload,
  type NewUpload,
  orStoreFault,
  type UploadCreation,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { repeated } from "../tasks/intake.ts";

/** What both ways of uploading need: `multipart` here, tus in `uploads/`. */
export type UploadPorts = Pick<Ports, "sql" | "intake" | "dispatcher" | "fileRules" | "fileMetrics" | "log">;

export interface BegunUpload {
  readonly kind: "begun";
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** What was set aside in the owner's quota, and so what it may have at most. */
  readonly keptBytes: number;
}

/**
 * Begins an upload within its owner's quota. "existing": the Idempotency-Key belongs to a file that has arrived.
 * Throws QUOTA_EXCEEDED, TOO_MANY_REQUESTS, STORE_UNAVAILABLE.
 */
export async function beginUpload(
  ports: UploadPorts,
  upload: NewUpload,
): Promise<BegunUpload | { readonly kind: "existing"; readonly file: FileRecord }> {
  const creation = await orStoreFault(repeated(() => createUpload(ports.sql, upload, ports.fileRules.quota)));
  if (creation.kind === "existing") return creation;
  if (creation.kind !== "created") throw refusalOf(creation);
  ports.fileMetrics.begun(upload.uploadKind);
  return { ...creation, kind: "begun" };
}

type Refusal = Exclude<UploadCreation, { kind: "created" | "existing" }>;

function refusalOf(refusal: Refusal): Fault {
  if (refusal.kind === "too-fast")
    return new Fault("TOO_MANY_REQUESTS", "you have begun as many uploads as one may in a minute", {
      retryAfterS: refusal.retryAfterS,
    });
  const isFiles = refusal.kind === "too-many-files";
  const { used, max } = refusal;
  const message = isFiles ? `you keep ${used} files, of ${max}` : `your files take ${used} bytes, of ${max}`;
  return new Fault("QUOTA_EXCEEDED", isFiles ? message : `${message}; this one does not fit in`, {
    members: { limit: { name: isFiles ? "files" : "bytes", max, used } },
  });
}

/**
 * All bytes are there: notes it, makes the task, and has it done. Repeating it is harmless.
 * Throws UPLOAD_SUPERSEDED when the row is gone, and TASK_ID_CONFLICT; then the bytes are nobody's, and the caller
 * removes them.
 */
export async function endUpload(
  ports: UploadPorts,
  upload: Omit<FinishedUpload, "timeoutS">,
): Promise<{ readonly file: FileRow; readonly isFirst: boolean }> {
  const { timeoutS } = ports.fileRules;
  const finish = await orStoreFault(repeated(() => finishUpload(ports.sql, { ...upload, timeoutS })));
  switch (finish.kind) {
    case "finished":
      ports.intake.dispatch([finish.task], [finish.submission]);
      ports.fileMetrics.finished(finish.file.uploadKind);
      return { file: finish.file, isFirst: true };
    case "finished-before":
      return { file: finish.file, isFirst: false };
    case "gone":
      throw new Fault("UPLOAD_SUPERSEDED", "the upload was given up or deleted before its end");
    case "task-id-taken":
      throw new Fault("TASK_ID_CONFLICT", `a task has the id ${upload.fileId} already`);
  }
}

/**
 * Frees what was set aside for it. False when it was not uploading any more, or nobody knows: then its bytes may be
 * those of a file. If the database is away, the row expires by itself.
 */
export async function giveUpUpload(ports: UploadPorts, fileId: string): Promise<boolean> {
  try {
    return await expireUpload(ports.sql, fileId);
  } catch (error) {
    ports.log.warning("an upload that ended is left to the sweep", { file_id: fileId, error });
    return false;
  }
}
