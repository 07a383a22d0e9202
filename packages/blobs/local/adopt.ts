import { constants } from "node:fs";
import { rename } from "node:fs/promises";
import type { WriteOptions } from "../blobs.ts";
import { tooManyBytes } from "../blocks.ts";
import { Sha256 } from "../hashing/sha256.ts";
import { codeOf } from "./disk-fault.ts";
import { OpenFile } from "./open-file.ts";

/** False: it lies on another file system, and stays there. */
export async function isMoved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EXDEV") return false;
    throw error;
  }
}

/** Hashes a file that is whole, and brings it to the disk. */
export async function keep(
  path: string,
  { bytesMax, signal }: WriteOptions,
): Promise<{ readonly bytes: number; readonly sha256: string | undefined }> {
  const file = await OpenFile.open(path, constants.O_RDWR);
  try {
    const bytes = Number((await file.stat()).size);
    if (bytes > bytesMax) throw tooManyBytes(bytesMax);
    signal?.throwIfAborted();
    const [sha256] = await Promise.all([Sha256.ofFile(file, bytes), file.sync()]);
    signal?.throwIfAborted();
    return { bytes, sha256 };
  } finally {
    await file.close();
  }
}
