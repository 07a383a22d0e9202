import type { ByteSource } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { UPLOADS_PREFIX } from "@millrace/protocol/file-operations/index";
import type { Ports } from "../ports.ts";
import { type Checksum, verified } from "./checksum.ts";
import type { Reception } from "./reception.ts";
import type { UploadRow } from "./upload-row.ts";

const ATTEMPTS_MAX = 6;
const PAUSE_MS_MAX = 40;

export interface Arriving {
  readonly offset: number;
  readonly reception: Reception;
  readonly checksum: Checksum | undefined;
}

/**
 * Adds what arrives to an upload. What came before a connection broke is kept, except where a checksum was promised for
 * the whole.
 *
 * @returns the offset after it, which is on the disk
 */
export async function appendBytes(ports: Ports, file: UploadRow, arriving: Arriving): Promise<number> {
  const { reception, checksum, offset } = arriving;
  if (checksum === undefined) return append(ports, file, { offset, source: reception.source() });
  return appendVerified(ports, file, { offset, reception, checksum });
}

interface Piece {
  readonly offset: number;
  readonly source: ByteSource;
}

async function append(ports: Ports, file: UploadRow, { offset, source }: Piece): Promise<number> {
  const bytesMax = roomOf(file) - offset;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await ports.blobs.uploads.append(file.contentKey, source, { offset, bytesMax });
    if (outcome.kind === "appended") return outcome.offset;
    // Ended by another process just now, or written to by one that was not heard: the next HEAD tells.
    if (outcome.kind === "missing" || outcome.offset !== offset)
      throw new Fault("UPLOAD_OFFSET_CONFLICT", "the upload has moved on meanwhile");
    // Somebody else tries the same at this very moment, and none of the source was taken. One of two must win.
    if (attempt >= ATTEMPTS_MAX)
      throw new Fault("UPLOAD_LOCKED", "another request is sending to this upload", { retryAfterS: 1 });
    await Bun.sleep(PAUSE_MS_MAX * Math.random());
  }
}

/** What this upload may have at most. */
function roomOf({ declaredSize, keptBytes }: UploadRow): number {
  return declaredSize ?? keptBytes;
}

/**
 * An upload only grows, and a chunk that may turn out damaged must not be in it: it is stored apart until its checksum
 * is seen. That writes it twice; no memory is needed for it, whatever its size.
 */
async function appendVerified(
  ports: Ports,
  file: UploadRow,
  { offset, reception, checksum }: Arriving & { readonly checksum: Checksum },
): Promise<number> {
  const key = `${UPLOADS_PREFIX}/${file.fileId}/${crypto.randomUUID()}`;
  try {
    await ports.blobs.write(key, verified(reception.source(), checksum), {
      bytesMax: roomOf(file) - offset,
    });
  } catch (error) {
    if (!reception.isCutShort) throw error;
    throw new Fault(
      "UPLOAD_OFFSET_CONFLICT",
      "the chunk did not come whole in time; nothing of it was kept",
      {
        cause: error,
      },
    );
  }
  try {
    const chunk = await ports.blobs.read(key);
    if (chunk === undefined) throw new Error(`the chunk ${key} is gone`);
    return await append(ports, file, { offset, source: chunk.stream });
  } finally {
    // What stays behind is an orphan, once the upload has ended.
    await ports.blobs.remove(key).catch((error: unknown) => {
      ports.log.warning("a verified chunk stays behind", { key, error });
    });
  }
}
