import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type FileLock, tryFileLock } from "@millrace/blobs/local/file-lock";

/** Beside the folder. Only one process has it, and the kernel takes it back from a process that died. */
const LOCK = ".lock";
const ATTEMPTS_MAX = 5;

/**
 * A folder of this process for what it works on: fetched contents and results on their way. At most two files for each
 * thread lie in it. What processes that were killed left behind is removed by the next one that starts.
 */
export class ScratchFolder {
  readonly #path: string;
  readonly #lock: FileLock;
  #names = 0;

  private constructor(path: string, lock: FileLock) {
    this.#path = path;
    this.#lock = lock;
  }

  /** @param root where the folders of all workers of this machine lie; made when it is missing. */
  static async open(root: string): Promise<ScratchFolder> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const name of await readdir(root))
      if (name.endsWith(LOCK)) await removeAbandoned(join(root, name.slice(0, -LOCK.length)));
    for (let attempts = 1; attempts <= ATTEMPTS_MAX; attempts += 1) {
      const path = join(root, crypto.randomUUID());
      const lock = tryFileLock(path + LOCK);
      // Another process that starts now may have taken it for an abandoned one.
      if (lock === undefined) continue;
      await mkdir(path, { mode: 0o700 });
      return new ScratchFolder(path, lock);
    }
    throw new Error(`no folder in ${root} can be locked`);
  }

  /** Of a file that is not there yet. Who makes it removes it. */
  newPath(): string {
    this.#names += 1;
    return join(this.#path, String(this.#names));
  }

  async close(): Promise<void> {
    await remove(this.#path);
    this.#lock.release();
  }
}

/** Several may start at the same time, and find the same. */
async function removeAbandoned(path: string): Promise<void> {
  const lock = tryFileLock(path + LOCK);
  if (lock === undefined) return;
  try {
    await remove(path);
  } finally {
    lock.release();
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await rm(path + LOCK, { force: true });
}
