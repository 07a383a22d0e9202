import type { ByteSource } from "../blobs.ts";
import { BLOCK_BYTES, giveBlockBack, takeBlock } from "../block-memory.ts";
import { type BlockOptions, blocksOf, chunksOf } from "../blocks.ts";
import type { Sha256 } from "../hashing/sha256.ts";
import type { OpenFile } from "./open-file.ts";

/** Of a file that is open, what is needed here. */
type Disk = Pick<OpenFile, "lend" | "sync" | "write">;

/** Of one write: what waits for the disk or is on its way there. More is not taken from the source. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** Whatever waits is written at once, up to this. */
const WRITE_BYTES_MAX = 2 * 1024 * 1024;
/** What was written is brought to the disk every so often, while more arrives: then the last sync is short. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;

/** Bytes that nobody changes until they are freed. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly free: () => void;
}

/**
 * A file that grows. While pieces of it arrive, those before are written, those before that are hashed, read from the file
 * in another thread, and brought to the disk. Writes come one after the other: whatever stops it, there is no hole, and
 * the file's length is how far it came.
 */
export class BlockWriter {
  readonly #file: Disk;
  readonly #hash: Sha256 | undefined;
  #waiting: Piece[] = [];
  #waitingBytes = 0;
  #written = Promise.withResolvers<void>();
  #writing: Promise<void> | undefined;
  #hashed: Promise<unknown> = Promise.resolve();
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

  /** Resolves when there is room for more, and throws what went wrong with what came before. */
  async put(piece: Piece): Promise<void> {
    if (!this.isWhole) piece.free();
    this.#throwFailure();
    this.#waiting.push(piece);
    this.#waitingBytes += piece.bytes.byteLength;
    this.#writing ??= this.#writeAll();
    while (this.isWhole && this.#waitingBytes >= WAITING_BYTES_MAX) await this.#written.promise;
    this.#throwFailure();
  }

  /** Resolves when all of it is on the disk. Throws what went wrong; what was written before that is on the disk, too. */
  async end(): Promise<void> {
    await this.#writing;
    await this.#syncing;
    await this.#file.sync().catch((error: unknown) => this.#fail(error));
    await this.#hashed;
    this.#throwFailure();
  }

  /** Whatever waits, until nothing does. After a failure nothing more is written. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const pieces = this.#takeSome();
      if (this.isWhole)
        await this.#write(pieces.map(({ bytes }) => bytes)).catch((error: unknown) => this.#fail(error));
      for (const { bytes, free } of pieces) {
        this.#waitingBytes -= bytes.byteLength;
        free();
      }
      this.#written.resolve();
      this.#written = Promise.withResolvers();
    }
    this.#writing = undefined;
  }

  #takeSome(): readonly Piece[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((piece) => {
      bytes += piece.bytes.byteLength;
      return bytes >= WRITE_BYTES_MAX;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end + 1);
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    const bytes = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    await this.#file.write(pieces, this.#offset);
    this.#offset += bytes;
    if (this.#hash !== undefined)
      this.#hashed = Promise.all([
        this.#hashed,
        this.#hash.add(pieces, { file: this.#file, end: this.#offset }),
      ]);
    this.#unsynced += bytes;
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

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
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
  try {
    for await (const piece of piecesOf(source, options)) await writer.put(piece);
  } finally {
    await writer.end();
  }
}

/** Its chunks as they are, if they may be kept for a while; else copies. */
async function* piecesOf(
  source: ByteSource,
  options: Pick<BlockOptions, "bytesMax" | "keepsRest" | "signal">,
): AsyncGenerator<Piece> {
  const { giveBack } = source;
  if (giveBack !== undefined) {
    for await (const bytes of chunksOf(source, options))
      yield { bytes, free: () => giveBack.call(source, bytes) };
    return;
  }
  let block = takeBlock();
  const memory = () => {
    block = takeBlock();
    return block;
  };
  for await (const bytes of blocksOf(source, { ...options, blockBytes: BLOCK_BYTES, memory })) {
    const whole = block;
    yield { bytes, free: () => giveBlockBack(whole) };
  }
}
