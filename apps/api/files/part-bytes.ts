import type { Readable } from "node:stream";
import type { ByteSource } from "@millrace/blobs";
import { freeChunk } from "./free-chunk.ts";
import { bodyCut } from "./timed-body.ts";

/** What waits between the parser and the storage. */
export const WAITING_BYTES_MAX = 256 * 1024;

/**
 * The bytes of a part, as the parser finds them: views into the chunks that it was fed. (Node's own iterator would copy
 * several that wait into one.) A chunk is freed when all its views were given back, and a view of a later one was taken: the
 * parser goes from chunk to chunk, and keeps copies of what it must see again.
 */
export class PartBytes implements Required<ByteSource> {
  readonly #stream: Readable;
  readonly #waiting: Uint8Array[] = [];
  /** Those that are not free yet, in their order. */
  readonly #fed: Uint8Array[] = [];
  /** Views that somebody looks at, by the memory that they are views of. */
  readonly #lent = new Map<ArrayBufferLike, number>();
  #current: ArrayBufferLike | undefined;
  #waitingBytes = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on("data", (slice: Uint8Array) => this.#add(slice));
    stream.on("end", () => this.#end());
    stream.on("error", (error) => this.#end({ error }));
    stream.on("close", () => this.#end({ error: bodyCut("it was given up") })); // Changes nothing after its end.
  }

  /** A chunk that the parser gets now. */
  fed(chunk: Uint8Array): void {
    if (!this.#isOver) this.#fed.push(chunk);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const slice = this.#waiting.shift();
      if (slice !== undefined) {
        this.#waitingBytes -= slice.byteLength;
        if (this.#waitingBytes < WAITING_BYTES_MAX) this.#stream.resume();
        this.#lend(slice);
        yield slice;
      } else if (this.#failure !== undefined) throw this.#failure.error;
      else if (this.#isOver) return;
      else await this.#changed.promise;
    }
  }

  #add(slice: Uint8Array): void {
    this.#waiting.push(slice);
    this.#waitingBytes += slice.byteLength;
    if (this.#waitingBytes >= WAITING_BYTES_MAX) this.#stream.pause();
    this.#tell();
  }

  #end(failure?: { readonly error: unknown }): void {
    if (this.#isOver) return;
    this.#failure = failure;
    this.#isOver = true;
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  giveBack({ buffer }: Uint8Array): void {
    const left = (this.#lent.get(buffer) ?? 1) - 1;
    if (left > 0) this.#lent.set(buffer, left);
    else this.#lent.delete(buffer);
    this.#freeBehind();
  }

  #lend({ buffer }: Uint8Array): void {
    this.#lent.set(buffer, (this.#lent.get(buffer) ?? 0) + 1);
    this.#current = buffer;
    this.#freeBehind();
  }

  #freeBehind(): void {
    const current = this.#fed.findIndex(({ buffer }) => buffer === this.#current);
    const behind = this.#fed.slice(0, Math.max(0, current));
    const lent = behind.findIndex(({ buffer }) => this.#lent.has(buffer));
    for (const chunk of this.#fed.splice(0, lent === -1 ? behind.length : lent)) freeChunk(chunk);
  }
}
