import { Fault } from "@millrace/core";
import { endUpload } from "../files/upload-life.ts";
import type { TusPorts } from "./upload-ports.ts";
import type { UploadRow } from "./upload-row.ts";

const NOBODYS: ReadonlySet<string> = new Set(["UPLOAD_SUPERSEDED", "TASK_ID_CONFLICT"]);

/**
 * All bytes are there: they become a blob, then the row and its task are written together. Each of the two steps gives
 * the same answer when it is done again, so that the next request of the client finishes what died in between.
 *
 * @returns its size
 * @throws Fault UPLOAD_EXPIRED when the bytes are gone, NOT_FOUND when the file is
 */
export async function finishBytes(ports: TusPorts, { fileId, contentKey }: UploadRow): Promise<number> {
  const written = await ports.blobs.uploads.finish(contentKey);
  if (written === undefined) throw new Fault("UPLOAD_EXPIRED", "the upload was not finished in time");
  const { bytes: size, sha256 } = written;
  try {
    await endUpload(ports, { fileId, size, sha256 });
    return size;
  } catch (error) {
    if (!(error instanceof Fault && NOBODYS.has(error.code))) throw error;
    await ports.blobs.remove(contentKey);
    if (error.code === "TASK_ID_CONFLICT") throw error;
    throw new Fault("NOT_FOUND", "no such upload", { cause: error });
  }
}
