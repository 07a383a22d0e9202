import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ifThere } from "./disk-fault.ts";
import { tryFileLock } from "./file-lock.ts";
import { type Layout, leftoverOf, lockOfUpload, uploadOfLock } from "./layout.ts";

/** How many unfinished files were removed that nobody wrote to since. Every write moves a file's time. */
export async function sweepUnfinished(layout: Layout, sinceMs: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(layout.unfinished)) {
    const path = join(layout.unfinished, name);
    const found = await ifThere(stat(path));
    if (found === undefined || !found.isFile() || found.mtimeMs >= sinceMs) continue;
    if (await removeLeftover(path)) removed += 1;
  }
  return removed;
}

async function removeLeftover(path: string): Promise<boolean> {
  switch (leftoverOf(path)) {
    case "temporary":
      await ifThere(unlink(path));
      return true;
    case "upload":
      return removeUpload(path, lockOfUpload(path));
    case "lock":
      // Its time is not moved by appending. Without an upload it locks nothing.
      if ((await ifThere(stat(uploadOfLock(path)))) === undefined) await ifThere(unlink(path));
      return false;
    case undefined:
      return false;
  }
}

async function removeUpload(path: string, lockPath: string): Promise<boolean> {
  const lock = tryFileLock(lockPath);
  if (lock === undefined) return false;
  try {
    await ifThere(unlink(path));
    await ifThere(unlink(lockPath));
  } finally {
    lock.release();
  }
  return true;
}
