import { Database } from "bun:sqlite";
import { closeSync, constants, openSync } from "node:fs";
import { codeOf } from "./disk-fault.ts";

export interface FileLock {
  release(): void;
}

/**
 * A lock between processes that ends with its holder, `kill -9` included: SQLite holds it as a lock of the kernel's on
 * an otherwise empty file. Undefined when somebody holds it, in another process or this one.
 */
export function tryFileLock(path: string): FileLock | undefined {
  // SQLite would make it readable for everybody, and follow a link.
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  const database = new Database(path, { create: true });
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (codeOf(error) === "SQLITE_BUSY") return undefined;
    throw error;
  }
  return { release: () => database.close() };
}
