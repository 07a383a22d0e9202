import type { ByteSource } from "../blobs.ts";
import { BLOCK_BYTES, type Block, giveBlockBack, takeBlock } from "../block-memory.ts";
import { type BlockOptions, blocksOf } from "../blocks.ts";
import type { Sha256 } from "../hashing/sha256.ts";
import type { OpenFile } from "./open-file.ts";

/** Of a file that is open, what is needed here. */
type Disk = Pick<OpenFile, "sync" | "write">;

/** Blocks of one write that are filled, written and hashed at a time: its memory. */
const BLOCKS_MAX = 3;
/** What was written is brought to the disk every so often, while more arrives: then the last sync is short. */
const SYNC_EVERY_BYTES = 4 * 1024 * 1024;

/**
 * A file that grows by blocks. While one block is filled, the one before it is written and hashed, and those before that
 * are on their way to the disk. Blocks are written one after the other: whatever stops it, there is no hole, and the
 * file's length is how far it came.
 */
export class BlockWriter {
  readonly #file: Disk;
  readonly #hash: Sha256 | undefined;
  readonly #free: Block[] = [];
  #blocks = 0;
  #given: Block | undefined;
  #freed = Promise.withResolvers<void>();
  #writing: Promise<void> = Promise.resolve();
  #settled: Promise<unknown> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #unsynced = 0;
  #offset: number;
  #failure: { readonly error: unknown } | undefined;

  /** @param hash undefined: nobody needs it */
  constructor(file: Disk, offset: number, hash: Sha256 | undefined) {
    this.#file = file;
    this.#offset = offset;
    this.#hash = hash;
  }

  /** Nothing went wrong with what it was given. */
  get isWhole(): boolean {
    return this.#failure === undefined;
  }

  /** Up to here it was written. */
  get offset(): number {
    return this.#offset;
  }

  /** The memory of the next block. Throws what went wrong with those before it. */
  async memory(): Promise<Block> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#given = this.#free.pop() ?? this.#newBlock();
      if (this.#given !== undefined) return this.#given;
      await this.#freed.promise;
    }
  }

  #newBlock(): Block | undefined {
    if (this.#blocks === BLOCKS_MAX) return undefined;
    this.#blocks += 1;
    return takeBlock();
  }

  /** So many bytes, in the memory that was given last. */
  take(bytes: number): void {
    const given = this.#given;
    if (given === undefined) throw new Error("bytes without a memory that they are in");
    this.#given = undefined;
    const block = given.subarray(0, bytes);
    const writing = this.#writing.then(() => this.#write(block));
    this.#writing = writing;
    const done = Promise.allSettled([writing, this.#hash?.add(block)]).then(([written]) => {
      if (written.status === "rejected") this.#fail(written.reason);
      this.#free.push(given);
      this.#freed.resolve();
      this.#freed = Promise.withResolvers();
    });
    this.#settled = Promise.all([this.#settled, done]);
  }

  /**
   * Resolves when all of it is on the disk. Throws what went wrong; what was written before that is on the disk, too. To
   * be called in any case: it gives the memory back.
   */
  async end(): Promise<void> {
    await this.#settled;
    await this.#syncing;
    for (const block of this.#free.splice(0)) giveBlockBack(block);
    await this.#file.sync().catch((error: unknown) => this.#fail(error));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(block: Block): Promise<void> {
    await this.#file.write(block, this.#offset);
    this.#offset += block.byteLength;
    this.#unsynced += block.byteLength;
    if (this.#unsynced < SYNC_EVERY_BYTES || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    // A failure is told once: a later sync of the same file would say that all is well.
    this.#syncing = this.#file
      .sync()
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#syncing = undefined;
      });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }
}

/**
 * The source, to its end. Resolves when all of it is on the disk. When the source fails, what came before is on the disk,
 * too; with `keepsRest`, to the last byte.
 */
export async function writeBlocks(
  writer: BlockWriter,
  source: ByteSource,
  options: Pick<BlockOptions, "bytesMax" | "keepsRest" | "signal">,
): Promise<void> {
  const memory = () => writer.memory();
  try {
    for await (const { byteLength } of blocksOf(source, { ...options, blockBytes: BLOCK_BYTES, memory }))
      writer.take(byteLength);
  } finally {
    await writer.end();
  }
}
