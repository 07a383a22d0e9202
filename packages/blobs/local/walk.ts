import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BlobPage } from "../blobs.ts";
import { ifThere } from "./disk-fault.ts";
import { endsAsBlob, keyOf, type Layout } from "./layout.ts";

type Item = BlobPage["items"][number];

/** All blobs below a folder whose keys come after `cursor`, in the order of their keys. Reads one folder at a time. */
export async function* walk(layout: Layout, folder: string, cursor: string): AsyncGenerator<Item> {
  const entries = (await ifThere(readdir(folder, { withFileTypes: true }))) ?? [];
  const named = entries
    .map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory())
        return { path, key: `${path.slice(layout.blobs.length + 1)}/`, isFolder: true };
      const isBlob = entry.isFile() && endsAsBlob(entry.name);
      return isBlob ? { path, key: keyOf(layout, path), isFolder: false } : undefined;
    })
    .filter((entry) => entry !== undefined)
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  for (const { path, key, isFolder } of named) {
    if (isFolder) {
      if (key > cursor || cursor.startsWith(key)) yield* walk(layout, path, cursor);
      continue;
    }
    if (key <= cursor) continue;
    const found = await ifThere(stat(path));
    if (found !== undefined) yield { key, bytes: found.size, modifiedAtMs: Math.floor(found.mtimeMs) };
  }
}
