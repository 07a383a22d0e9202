import { Fault } from "@millrace/core";

/** A quota, or a limit on the size of files, is a full disk to whoever writes. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
/** None that the network could give too: a source's error passes here as well. */
const AWAY = new Set(["EIO", "EROFS", "EACCES", "EPERM", "ESTALE", "ENODEV", "ENXIO", "EMFILE", "ENFILE"]);

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The fault that a failure of the file system amounts to; everything else as it is. */
export function diskFaultOf(error: unknown): unknown {
  const code = codeOf(error) ?? "";
  if (error instanceof Fault) return error;
  if (FULL.has(code))
    return new Fault("STORAGE_FULL", `the disk for files is full (${code})`, { cause: error });
  if (!AWAY.has(code)) return error;
  const message = `the disk for files cannot be used (${code})`;
  return new Fault("STORAGE_UNAVAILABLE", message, { cause: error, retryAfterS: 5 });
}

export async function orDiskFault<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw diskFaultOf(error);
  }
}

/** Undefined when the file is not there: a folder that is missing, or is none, means the same. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
