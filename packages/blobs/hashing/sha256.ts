import { CryptoHasher } from "bun";
import type { OpenFile } from "../local/open-file.ts";
import { type HashThread, hashThread } from "./hash-thread.ts";

/** What has no more bytes than this is hashed at once: the way to the thread costs as much. */
const NEAR_BYTES_MAX = 512 * 1024;

/** Where the bytes that were added last are: in a file whose bytes up to `end` are all that was added. */
export interface Added {
  readonly file: Pick<OpenFile, "lend">;
  readonly end: number;
}

/**
 * The sha256 of a file that grows from its first byte, computed beside the main thread from what is in the file: while
 * that is in the system's cache, reading it costs less than handing the bytes over.
 */
export class Sha256 {
  #near: CryptoHasher | undefined = new CryptoHasher("sha256");
  #far: { readonly thread: HashThread; readonly id: number } | undefined;

  /** Of the first bytes of a file that is there already. In hex; undefined as with `digest`. */
  static async ofFile(file: Pick<OpenFile, "lend" | "read">, bytes: number): Promise<string | undefined> {
    const hash = new Sha256();
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes && bytes <= NEAR_BYTES_MAX; at += pieces.at(-1)?.byteLength ?? bytes) {
      const piece = new Uint8Array(bytes - at);
      const length = await file.read(piece, at);
      if (length === 0) return undefined;
      pieces.push(piece.subarray(0, length));
    }
    await hash.add(pieces, { file, end: bytes });
    return await hash.digest();
  }

  /** Resolves when the file is not needed any more. Bytes are added in their order, without waiting. */
  async add(pieces: readonly Uint8Array[], { file, end }: Added): Promise<void> {
    if (end <= NEAR_BYTES_MAX && this.#near !== undefined) {
      for (const piece of pieces) this.#near.update(piece);
      return;
    }
    this.#near = undefined;
    this.#far ??= newStream(hashThread());
    const { thread, id } = this.#far;
    await file.lend((fd) => thread.ask({ kind: "read", id, fd, end }));
  }

  /** In hex; once. Undefined when the thread died, or could not read: then whoever has the bytes reads them again. */
  async digest(): Promise<string | undefined> {
    if (this.#near !== undefined) return this.#near.digest("hex");
    if (this.#far === undefined) return undefined;
    const { thread, id } = this.#far;
    const answer = await thread.ask({ kind: "end", id });
    return typeof answer === "string" ? answer : undefined;
  }

  forget(): void {
    if (this.#far !== undefined) void this.#far.thread.ask({ kind: "forget", id: this.#far.id });
  }
}

function newStream(thread: HashThread): { readonly thread: HashThread; readonly id: number } {
  return { thread, id: thread.newId() };
}
