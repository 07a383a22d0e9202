import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { PRIVATE_FILE } from "../files.ts";

export interface LogFileBounds {
  /** Of one file; the next line begins a new one. */
  readonly bytesMax: number;
  /** Older files that are kept: `api.log.1` is the youngest of them. */
  readonly keptMax: number;
}

const BOUNDS: LogFileBounds = { bytesMax: 8 * 1024 * 1024, keptMax: 3 };

/** A file that output is appended to, and that never takes more than `bytesMax * (keptMax + 1)` of the disk. */
export class LogFile {
  readonly #path: string;
  readonly #bounds: LogFileBounds;
  #descriptor: number;
  #bytes: number;

  constructor(path: string, bounds: LogFileBounds = BOUNDS) {
    this.#path = path;
    this.#bounds = bounds;
    this.#descriptor = openSync(path, "a", PRIVATE_FILE);
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  /** Never throws: a full disk must not stop the stack on account of its logs. */
  write(chunk: Uint8Array | string): void {
    try {
      if (this.#bytes >= this.#bounds.bytesMax) this.#rotate();
      this.#bytes +=
        typeof chunk === "string" ? writeSync(this.#descriptor, chunk) : writeSync(this.#descriptor, chunk);
    } catch {
      // What cannot be written is lost; the process that wrote it goes on.
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #rotate(): void {
    for (let age = this.#bounds.keptMax; age >= 1; age -= 1) {
      const younger = age === 1 ? this.#path : `${this.#path}.${age - 1}`;
      try {
        renameSync(younger, `${this.#path}.${age}`);
      } catch {
        // There are not that many yet.
      }
    }
    const next = openSync(this.#path, "a", PRIVATE_FILE);
    closeSync(this.#descriptor);
    this.#descriptor = next;
    this.#bytes = 0;
  }
}
