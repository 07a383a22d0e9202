import { deleteFile, orStoreFault } from "@millrace/store";
import type { TusPorts } from "./upload-ports.ts";
import type { UploadRow } from "./upload-row.ts";

/** First nobody can find or finish it any more, then its bytes go. A finished one is a file, whose task is cancelled. */
export async function removeUpload(ports: TusPorts, file: UploadRow): Promise<void> {
  const deleted = await orStoreFault(deleteFile(ports.sql, file.fileId));
  const running = deleted?.cancelled?.running;
  if (deleted?.taskSeq != null && running != null)
    ports.dispatcher.tellCancelled({ seq: deleted.taskSeq, ...running });
  await discardBytes(ports, file);
  if (file.state === "uploaded") await tryTo(ports, file, () => ports.blobs.remove(file.contentKey));
}

/** Of an upload that nobody can finish. What cannot be removed now is found by the sweep. */
export async function discardBytes(ports: TusPorts, file: UploadRow): Promise<void> {
  await tryTo(ports, file, () => ports.blobs.uploads.discard(file.contentKey));
}

async function tryTo(
  ports: TusPorts,
  { fileId: file_id }: UploadRow,
  remove: () => Promise<void>,
): Promise<void> {
  try {
    await remove();
  } catch (error) {
    ports.log.warning("bytes of an upload are left to the sweep", { file_id, error });
  }
}
