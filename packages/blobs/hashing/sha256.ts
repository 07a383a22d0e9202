import { CryptoHasher } from "bun";
import { BLOCK_BYTES, type Block } from "../block-memory.ts";
import { type HashThread, hashThread } from "./hash-thread.ts";

/**
 * The sha256 of bytes that come in blocks, computed beside the main thread. What begins with less than a block is small,
 * or comes in small pieces, and is not worth the way to the thread.
 */
export class Sha256 {
  #near: CryptoHasher | undefined;
  #far: { readonly thread: HashThread; readonly id: number } | undefined;

  /** Resolves when the block may be written to again. Blocks are added one after the other, without waiting. */
  async add(block: Block): Promise<void> {
    if (this.#far === undefined && (this.#near !== undefined || block.byteLength < BLOCK_BYTES)) {
      this.#near ??= new CryptoHasher("sha256");
      this.#near.update(block);
      return;
    }
    this.#far ??= newStream(hashThread());
    const { thread, id } = this.#far;
    await thread.ask({ kind: "add", id, memory: block.buffer, length: block.byteLength });
  }

  /** In hex; once. Undefined when the thread died: then whoever has the bytes reads them again. */
  async digest(): Promise<string | undefined> {
    if (this.#far === undefined) return (this.#near ?? new CryptoHasher("sha256")).digest("hex");
    const { thread, id } = this.#far;
    return (await thread.ask({ kind: "end", id })) ?? undefined;
  }

  forget(): void {
    if (this.#far !== undefined) void this.#far.thread.ask({ kind: "forget", id: this.#far.id });
  }
}

function newStream(thread: HashThread): { readonly thread: HashThread; readonly id: number } {
  return { thread, id: thread.newId() };
}
