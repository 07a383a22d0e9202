import { constants } from "node:fs";
import { lstat, rmdir, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "@millrace/core";
import { BLOB_PAGE_MAX, STORAGE_FREE_BYTES_MIN } from "@millrace/core/limits";
import type {
  BlobPage,
  BlobReading,
  BlobStat,
  Blobs,
  ByteSource,
  ListOptions,
  ReadOptions,
  WriteOptions,
  WrittenBlob,
} from "../blobs.ts";
import { Sha256 } from "../hashing/sha256.ts";
import { requireKey } from "../key.ts";
import { sha256Of } from "../running-hashes.ts";
import { isMoved, keep } from "./adopt.ts";
import { BlockWriter, writeBlocks } from "./block-writer.ts";
import { ifThere, orDiskFault } from "./disk-fault.ts";
import { FILE_MODE, Layout, refuseLinks } from "./layout.ts";
import { LocalUploads } from "./local-uploads.ts";
import { OpenFile } from "./open-file.ts";
import { publish } from "./publish.ts";
import { readFile } from "./read-file.ts";
import { sweepUnfinished } from "./sweep.ts";
import { walk } from "./walk.ts";

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

/** Makes the folder when it is missing. Several processes may have the same one. */
export async function openLocalBlobs(root: string): Promise<Blobs> {
  return new LocalBlobs(await orDiskFault(Layout.open(root)));
}

class LocalBlobs implements Blobs {
  readonly uploads: LocalUploads;
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.uploads = new LocalUploads(layout);
  }

  async write(key: string, source: ByteSource, options: WriteOptions): Promise<WrittenBlob> {
    requireKey(key);
    return orDiskFault(this.#write(key, source, options));
  }

  async #write(key: string, source: ByteSource, options: WriteOptions): Promise<WrittenBlob> {
    const path = this.#layout.temporary();
    const hash = new Sha256();
    const file = await OpenFile.open(path, NEW, FILE_MODE);
    const writer = new BlockWriter(file, 0, hash);
    try {
      try {
        await writeBlocks(writer, source, options);
      } finally {
        await file.close();
      }
      await publish(this.#layout, path, this.#layout.blob(key));
    } catch (error) {
      hash.forget();
      await ifThere(unlink(path));
      throw error;
    }
    return { bytes: writer.offset, sha256: (await hash.digest()) ?? (await this.#read(key)) };
  }

  async adopt(key: string, path: string, options: WriteOptions): Promise<WrittenBlob | undefined> {
    requireKey(key);
    return orDiskFault(this.#adopt(key, path, options));
  }

  async #adopt(key: string, from: string, options: WriteOptions): Promise<WrittenBlob | undefined> {
    const path = this.#layout.temporary();
    if (!(await isMoved(from, path))) return undefined;
    try {
      const { bytes, sha256 } = await keep(path, options);
      await publish(this.#layout, path, this.#layout.blob(key));
      return { bytes, sha256: sha256 ?? (await this.#read(key)) };
    } catch (error) {
      await ifThere(unlink(path));
      throw error;
    }
  }

  /** Its sha256, when nobody knows it: of the blob that won, if several wrote it at once. */
  async #read(key: string): Promise<string> {
    const reading = await readFile(this.#layout.blob(key), {});
    if (reading === undefined) throw new Error(`${key} was removed as soon as it was written`);
    return sha256Of(reading.stream);
  }

  async read(key: string, options: ReadOptions = {}): Promise<BlobReading | undefined> {
    requireKey(key);
    return orDiskFault(readFile(this.#layout.blob(key), options));
  }

  async stat(key: string): Promise<BlobStat | undefined> {
    requireKey(key);
    const found = await orDiskFault(ifThere(stat(this.#layout.blob(key))));
    return found && { bytes: found.size, modifiedAtMs: Math.floor(found.mtimeMs) };
  }

  async localPath(key: string): Promise<string | undefined> {
    requireKey(key);
    return orDiskFault(pathOf(this.#layout.blob(key)));
  }

  async remove(key: string): Promise<void> {
    requireKey(key);
    const path = this.#layout.blob(key);
    await orDiskFault(ifThere(unlink(path)));
    for (let folder = dirname(path); folder !== this.#layout.blobs; folder = dirname(folder))
      if (!(await isRemoved(folder))) return;
  }

  async list({ prefix, cursor = "", limit = BLOB_PAGE_MAX }: ListOptions = {}): Promise<BlobPage> {
    if (prefix !== undefined) requireKey(prefix);
    const folder = prefix === undefined ? this.#layout.blobs : join(this.#layout.blobs, ...prefix.split("/"));
    const collect = async (): Promise<BlobPage> => {
      const items: BlobPage["items"][number][] = [];
      for await (const item of walk(this.#layout, folder, cursor)) {
        const last = items.at(-1);
        if (last !== undefined && items.length >= Math.min(limit, BLOB_PAGE_MAX))
          return { items, cursor: last.key };
        items.push(item);
      }
      return { items };
    };
    return orDiskFault(collect());
  }

  async sweep({ idleMs }: { readonly idleMs: number }): Promise<{ readonly removed: number }> {
    return { removed: await orDiskFault(sweepUnfinished(this.#layout, Date.now() - idleMs)) };
  }

  async checkHealth(): Promise<void> {
    await orDiskFault(this.#checkHealth());
  }

  async #checkHealth(): Promise<void> {
    const { bavail, bsize, ffree, files } = await statfs(this.#layout.unfinished);
    if (bavail * bsize < STORAGE_FREE_BYTES_MIN)
      throw new Fault("STORAGE_FULL", "the disk for files has no room left");
    // Some file systems count no files, and say so with a zero.
    if (files > 0 && ffree === 0)
      throw new Fault("STORAGE_FULL", "the disk for files can hold no more files");
    const path = this.#layout.temporary();
    const file = await OpenFile.open(path, NEW, FILE_MODE);
    await file.close();
    await unlink(path);
  }
}

async function pathOf(path: string): Promise<string | undefined> {
  const found = await ifThere(lstat(path));
  if (found?.isFile() !== true) return undefined;
  await refuseLinks(dirname(path));
  return path;
}

/** False when it is not empty, or somebody else was faster. Empty folders are worth nothing, and cost an inode each. */
async function isRemoved(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch {
    return false;
  }
}
