import { mkdir, realpath } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { syncFolder } from "./sync-folder.ts";

export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

const BLOB = ".blob";
const UPLOAD = ".upload";
const LOCK = ".lock";
const TEMPORARY = ".tmp";

/**
 * Where things lie below the root:
 *
 *     blobs/files/7/content.blob        a blob; its ending keeps the key "files/7" apart from the folder "files/7"
 *     unfinished/<random>.tmp           a write in progress
 *     unfinished/files.7.content.upload an upload in progress; a key has no dots, so that names cannot meet
 *     unfinished/files.7.content.lock   held by whoever appends to it
 *
 * One file system for all, or a rename would not be one step.
 */
export class Layout {
  readonly blobs: string;
  readonly unfinished: string;

  private constructor(root: string) {
    this.blobs = join(root, "blobs");
    this.unfinished = join(root, "unfinished");
  }

  static async open(root: string): Promise<Layout> {
    await mkdir(root, { recursive: true, mode: FOLDER_MODE });
    // The root itself may be reached through a link; nothing below it may.
    const layout = new Layout(await realpath(resolve(root)));
    for (const folder of [layout.blobs, layout.unfinished])
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    return layout;
  }

  blob(key: string): string {
    return join(this.blobs, ...key.split("/")) + BLOB;
  }

  upload(key: string): string {
    return join(this.unfinished, key.replaceAll("/", ".")) + UPLOAD;
  }

  lock(key: string): string {
    return join(this.unfinished, key.replaceAll("/", ".")) + LOCK;
  }

  temporary(): string {
    return join(this.unfinished, crypto.randomUUID()) + TEMPORARY;
  }

  /** Makes the folder of a blob, durably, and refuses one that leads out of the storage. */
  async makeFolderOf(blobPath: string): Promise<string> {
    const folder = dirname(blobPath);
    const firstMade = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    await refuseLinks(folder);
    if (firstMade === undefined) return folder;
    // A new folder is an entry in the one above it.
    for (let above = dirname(folder); above.length >= dirname(firstMade).length; above = dirname(above))
      await syncFolder(above);
    return folder;
  }
}

/** Nobody but us should write below the root. If somebody did, bytes must not go where they point. */
export async function refuseLinks(folder: string): Promise<void> {
  const real = await realpath(folder);
  if (real !== folder) throw new Error(`${folder} is a link, or lies behind one`);
}

export function endsAsBlob(name: string): boolean {
  return name.endsWith(BLOB);
}

export function keyOf(layout: Layout, blobPath: string): string {
  const below = blobPath.slice(layout.blobs.length + 1, -BLOB.length);
  return below.split(sep).join("/");
}

export type Leftover = "temporary" | "upload" | "lock";

/** What an unfinished file is; undefined for what is not ours. */
export function leftoverOf(name: string): Leftover | undefined {
  if (name.endsWith(TEMPORARY)) return "temporary";
  if (name.endsWith(UPLOAD)) return "upload";
  return name.endsWith(LOCK) ? "lock" : undefined;
}

/** The lock of an upload, by their names, and the other way round. */
export function uploadOfLock(path: string): string {
  return path.slice(0, -LOCK.length) + UPLOAD;
}

export function lockOfUpload(path: string): string {
  return path.slice(0, -UPLOAD.length) + LOCK;
}
