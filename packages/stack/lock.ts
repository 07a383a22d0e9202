import { Database } from "bun:sqlite";

/**
 * A lock between processes that no death can leave behind: SQLite holds it as a lock of the kernel's on the file, which
 * goes with the process, `kill -9` included. A file with a pid in it would need guessing (is it dead? is the pid
 * somebody else's by now?). The file itself stays, empty; never delete it, or two processes lock two files.
 */
export interface Lock {
  release(): void;
}

const POLL_MS = 100;

/** Undefined when another process, or this one, holds it. Throws when the file cannot be written. */
export function tryLock(path: string): Lock | undefined {
  const database = new Database(path, { create: true });
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}

interface Waiting {
  readonly waitMsMax: number;
  /** Called once, when somebody else holds the lock. */
  readonly onWait: () => void;
}

/** Waits for the lock. Throws when it is not free after `waitMsMax`. */
export async function waitForLock(path: string, { waitMsMax, onWait }: Waiting): Promise<Lock> {
  const deadlineMs = performance.now() + waitMsMax;
  for (let turn = 0; ; turn += 1) {
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    if (turn === 0) onWait();
    if (performance.now() > deadlineMs)
      throw new Error(`another process has held ${path} for ${waitMsMax / 1000} s`);
    await Bun.sleep(POLL_MS);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SQLITE_BUSY";
}
