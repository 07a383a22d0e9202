import { rename } from "node:fs/promises";
import { codeOf } from "./disk-fault.ts";
import type { Layout } from "./layout.ts";
import { syncFolder } from "./sync-folder.ts";

const ATTEMPTS_MAX = 5;

/**
 * Gives a finished, synced file its name as a blob: in one step, and durably. A link or a blob that has the name is
 * replaced, not followed. Whoever removes the last blob of a folder removes the folder, perhaps just now: then again.
 */
export async function publish(layout: Layout, from: string, blobPath: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const folder = await layout.makeFolderOf(blobPath);
    try {
      await rename(from, blobPath);
      return await syncFolder(folder);
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}
