import { open } from "node:fs/promises";

/** A name is durable only once its folder is: fsync of the file writes what is in it, not that it is there. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
