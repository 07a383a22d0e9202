import {
  type BigIntStats,
  closeSync,
  close as closeWith,
  constants,
  fstat,
  fsync,
  open,
  read,
  writev,
} from "node:fs";
import { promisify } from "node:util";
import { fileThreadsGiveWay } from "@millrace/host";

const [openFd, syncFd, closeFd] = [promisify(open), promisify(fsync), promisify(closeWith)];
const readFd = promisify(read);

/** How many bytes were written: a single call may take fewer, last when the disk fills up. */
function writeFd(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, pieces, position, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}

const forget = (): void => {};

/** Files of somebody who went away without a word. */
const abandoned = new FinalizationRegistry<number>(closeSync);

/**
 * A file that is open for as long as somebody else likes: the client of a download, who may just stop asking, or the
 * sender of an upload. Not a FileHandle: one of those that is collected while open throws an error that nobody can catch
 * (Bun 1.4.5), and the process would end.
 */
export class OpenFile {
  #fd: number | undefined;
  /** Closing waits for them: the system gives the number of a closed file to the next one. */
  #steps: Promise<unknown> = Promise.resolve();

  private constructor(fd: number) {
    this.#fd = fd;
    abandoned.register(this, fd, this);
  }

  /** Refuses a link in the place of the file. */
  static async open(path: string, flags: number, mode?: number): Promise<OpenFile> {
    return new OpenFile(await openFd(path, flags | constants.O_NOFOLLOW, mode));
  }

  stat(): Promise<BigIntStats> {
    return this.#step((fd) => promisify<number, { bigint: true }, BigIntStats>(fstat)(fd, { bigint: true }));
  }

  /** How many bytes were read; none at the end of the file. */
  async read(into: Uint8Array, position: number): Promise<number> {
    fileThreadsGiveWay();
    const { bytesRead } = await this.#step((fd) => readFd(fd, into, 0, into.byteLength, position));
    return bytesRead;
  }

  /** All of the bytes, one piece behind the other. */
  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    fileThreadsGiveWay();
    let [rest, at] = [pieces, position];
    while (rest.length > 0) {
      const [now, from] = [rest, at];
      const written = await this.#step((fd) => writeFd(fd, now, from));
      if (written === 0) throw new Error("the disk takes no bytes, and does not say why");
      at += written;
      rest = behind(rest, written);
    }
  }

  /** For somebody else who reads it: it stays open until that is done. */
  lend<T>(use: (fd: number) => Promise<T>): Promise<T> {
    return this.#step(use);
  }

  /** Resolves when what was written is on the disk. */
  async sync(): Promise<void> {
    await this.#step(syncFd);
  }

  /** Harmless when it is closed. */
  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    abandoned.unregister(this);
    await this.#steps;
    await closeFd(fd);
  }

  #step<T>(run: (fd: number) => Promise<T>): Promise<T> {
    if (this.#fd === undefined) return Promise.reject(new Error("the file is closed"));
    const step = run(this.#fd);
    // Without their results: those of `read` hold what was read, and all of a file would stay in memory.
    this.#steps = Promise.allSettled([this.#steps, step]).then(forget);
    return step;
  }
}

/** What of the pieces comes after so many bytes. */
function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  return pieces.flatMap((piece) => {
    const done = Math.min(left, piece.byteLength);
    left -= done;
    return done === piece.byteLength ? [] : [piece.subarray(done)];
  });
}
