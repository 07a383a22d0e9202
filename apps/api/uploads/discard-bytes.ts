import type { Ports } from "../ports.ts";
import type { UploadRow } from "./upload-row.ts";

/** Of an upload that nobody can find any more. What cannot be removed now is found by the sweep. */
export async function discardBytes({ blobs, log }: Ports, { fileId, contentKey }: UploadRow): Promise<void> {
  try {
    await blobs.uploads.discard(contentKey);
  } catch (error) {
    log.warning("bytes of an upload are left to the sweep", { file_id: fileId, error });
  }
}
