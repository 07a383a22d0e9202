import type { Identity } from "@millrace/core";
import { Fault } from "@millrace/core";
import { RESULTS_PREFIX } from "@millrace/protocol/file-operations/index";
import { type DeletedFile, deleteFile as deleteInStore, orStoreFault } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { repeated } from "../tasks/intake.ts";
import { findFileFor } from "./show-file.ts";

/**
 * The file is gone for its owner, an unfinished task is cancelled, and the bytes are removed; those that cannot be are
 * left to the sweep. Throws NOT_FOUND, also when it is deleted already.
 */
export async function deleteFile(ports: Ports, identity: Identity, fileId: string): Promise<void> {
  const file = await findFileFor(ports, identity, fileId);
  const deleted = await orStoreFault(repeated(() => deleteInStore(ports.sql, fileId)));
  if (deleted === null) throw new Fault("NOT_FOUND", "no such file");
  tellCancelled(ports, deleted, file.task?.attempts ?? 0);
  ports.liveFiles.tell(fileId, {
    v: 1,
    uploaded: deleted.file.uploadOffset,
    size: deleted.file.size,
    state: "deleted",
  });
  await removeBytes(ports, deleted);
}

function tellCancelled(
  { dispatcher }: Ports,
  { file, taskSeq, cancelled }: DeletedFile,
  attempts: number,
): void {
  if (taskSeq === null || cancelled === null) return;
  const { running } = cancelled;
  if (running !== null) dispatcher.tellCancelled({ seq: taskSeq, ...running });
  const attempt = running?.attempt ?? attempts;
  dispatcher.tell({ seq: taskSeq, task_id: file.fileId, status: "cancelled", phase: "cancelled", attempt });
}

async function removeBytes({ blobs, log }: Ports, { file }: DeletedFile): Promise<void> {
  try {
    if (file.uploadKind === "tus" && file.size === null) await blobs.uploads.discard(file.contentKey);
    await blobs.remove(file.contentKey);
    const { items } = await blobs.list({ prefix: `${RESULTS_PREFIX}/${file.fileId}` });
    for (const { key } of items) await blobs.remove(key);
  } catch (error) {
    log.warning("the bytes of a deleted file are left to the sweep", { file_id: file.fileId, error });
  }
}
