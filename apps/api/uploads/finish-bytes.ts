import type { WrittenBlob } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { endUpload } from "../files/upload-life.ts";
import type { Ports } from "../ports.ts";
import type { UploadRow } from "./upload-row.ts";

const ATTEMPTS_MAX = 8;
const PAUSE_MS = 50;
const NOBODYS: ReadonlySet<string> = new Set(["UPLOAD_SUPERSEDED", "TASK_ID_CONFLICT"]);

/**
 * All bytes are there: they become a blob, then the row and its task are written together. Each of the two steps gives
 * the same answer when it is done again, so that the next request of the client finishes what died in between.
 *
 * @returns its size
 * @throws Fault UPLOAD_EXPIRED when the bytes are gone, NOT_FOUND when the file is
 */
export async function finishBytes(
  ports: Ports,
  { fileId, contentKey }: UploadRow,
  traceContext: string | undefined,
): Promise<number> {
  const written = await finishOnceFree(ports, contentKey);
  if (written === undefined) throw new Fault("UPLOAD_EXPIRED", "the upload was not finished in time");
  const { bytes: size, sha256 } = written;
  try {
    await endUpload(ports, { fileId, size, sha256, traceContext });
    return size;
  } catch (error) {
    if (!(error instanceof Fault && NOBODYS.has(error.code))) throw error;
    await ports.blobs.remove(contentKey);
    if (error.code === "TASK_ID_CONFLICT") throw error;
    throw new Fault("NOT_FOUND", "no such upload", { cause: error });
  }
}

/**
 * Two processes that asked each other for the upload at the same moment may both be here: the storage lets one of them
 * in at a time, for the moment that it takes.
 */
async function finishOnceFree({ blobs }: Ports, key: string): Promise<WrittenBlob | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await blobs.uploads.finish(key);
    } catch (error) {
      const isHeld = error instanceof Fault && error.code === "STORAGE_UNAVAILABLE";
      if (!isHeld || attempt >= ATTEMPTS_MAX) throw error;
      await Bun.sleep(PAUSE_MS);
    }
  }
}
