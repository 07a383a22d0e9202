import { writeSync } from "node:fs";
import { LOG_BACKLOG_BYTES_MAX } from "@millrace/core/limits";

/** Where log lines go. `write` never throws, and never waits. */
export interface Destination {
  /** One line, with its line feed. */
  write(line: string): void;
  /** Writes what waits, for at most a second. For the end of a process and for lines that must not be lost. */
  flush(): void;
}

export interface FdDestinationOptions {
  /** File descriptor; 1 is standard output. */
  readonly fd: number;
  readonly backlogBytesMax?: number;
  /** The line that tells how many lines were dropped because the reader was slow. */
  readonly lossLine: (lines: number) => string;
}

/** A pipe holds 64 KiB: every 5 ms, a reader is served up to 13 MB/s. */
const RETRY_MS = 5;
const FLUSH_RETRY_MS = 1;
const FLUSH_MS_MAX = 1_000;

/**
 * Writes to a file descriptor at once, so that a crash loses no line that was logged. When the reader of a pipe is slow
 * (EAGAIN), lines wait in a bounded backlog; when that is full, they are dropped and counted. A reader that went away
 * (EPIPE) ends logging, not the process.
 */
export class FdDestination implements Destination {
  readonly #options: Required<FdDestinationOptions>;
  /** Lines from `#first` on wait; those before it are written. */
  #backlog: Uint8Array[] = [];
  #first = 0;
  #backlogBytes = 0;
  #dropped = 0;
  #isBroken = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FdDestinationOptions) {
    this.#options = { backlogBytesMax: LOG_BACKLOG_BYTES_MAX, ...options };
  }

  write(line: string): void {
    if (this.#isBroken) return;
    const bytes = Buffer.from(line);
    const isFull = () => this.#backlogBytes + bytes.byteLength > this.#options.backlogBytesMax;
    // A loop that logs without a pause gives the timer no turn: only here can a quick reader be served.
    if (this.#isWaiting() && isFull()) this.#drain();
    if (!this.#isWaiting()) {
      const rest = this.#tryWrite(bytes);
      if (rest !== undefined) this.#keep(rest);
    } else if (isFull()) {
      this.#dropped += 1;
    } else {
      this.#keep(bytes); // Behind what waits already, so that lines keep their order.
    }
  }

  flush(): void {
    const deadlineMs = performance.now() + FLUSH_MS_MAX;
    this.#drain();
    while (this.#isWaiting() && performance.now() < deadlineMs) {
      Bun.sleepSync(FLUSH_RETRY_MS);
      this.#drain();
    }
  }

  #isWaiting(): boolean {
    return this.#first < this.#backlog.length;
  }

  /** What could not be written now; undefined when nothing is left to do. */
  #tryWrite(bytes: Uint8Array): Uint8Array | undefined {
    try {
      const written = writeSync(this.#options.fd, bytes);
      return written < bytes.byteLength ? bytes.subarray(written) : undefined;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EAGAIN") return bytes;
      // EPIPE, EBADF, EIO: nobody can be told, and the work matters more than its log. A full disk may empty again.
      if (code !== "ENOSPC") this.#break();
      return undefined;
    }
  }

  #break(): void {
    this.#isBroken = true;
    this.#clear();
  }

  #clear(): void {
    this.#backlog = [];
    this.#first = 0;
    this.#backlogBytes = 0;
  }

  #keep(bytes: Uint8Array): void {
    this.#backlog.push(bytes);
    this.#backlogBytes += bytes.byteLength;
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drain();
      if (this.#isWaiting()) this.#retryLater();
    }, RETRY_MS);
    this.#timer.unref(); // The end of the process flushes.
  }

  /** Moving the array costs its length: only once as much was written as still waits. */
  #forgetWritten(): void {
    if (this.#first * 2 < this.#backlog.length) return;
    this.#backlog = this.#backlog.slice(this.#first);
    this.#first = 0;
  }

  /** Writes what waits, until the reader has enough or nothing waits. */
  #drain(): void {
    for (let bytes = this.#backlog[this.#first]; bytes !== undefined; bytes = this.#backlog[this.#first]) {
      const rest = this.#tryWrite(bytes);
      if (this.#isBroken) return;
      this.#backlogBytes -= bytes.byteLength - (rest?.byteLength ?? 0);
      if (rest !== undefined) {
        this.#backlog[this.#first] = rest;
        this.#forgetWritten();
        return;
      }
      this.#first += 1;
    }
    this.#clear();
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.write(this.#options.lossLine(dropped));
  }
}

/** Standard output. What still waits when the process ends is written then. */
export function standardOutput(lossLine: (lines: number) => string): Destination {
  // Bun makes a pipe at descriptor 1 non-blocking once process.stdout is touched. Without that, a reader that stalls (a
  // full pipe of a log collector) would stop the whole process in the middle of a write. A terminal stays blocking:
  // whoever presses Ctrl-S there asked for it.
  void process.stdout.isTTY;
  const destination = new FdDestination({ fd: 1, lossLine });
  process.once("exit", () => destination.flush());
  return destination;
}
