import { EVENT_BYTES_MAX } from "@millrace/core/limits";

const NEWLINE = 0x0a;
/** Large enough that the work per block does not count, small enough that other requests get their turn: half a millisecond. */
const BLOCK_BYTES = 256 * 1024;

/**
 * Makes blocks of whole lines out of pieces that were cut anywhere. Of a line that is too long for an event, so much is
 * kept that it is seen to be too long; the rest is dropped as it comes.
 */
export async function* lineBlocks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const cutter = new LineCutter();
  for await (const piece of pieces) {
    const block = cutter.add(piece);
    if (block !== undefined) yield block;
  }
  const rest = cutter.finish();
  if (rest.length > 0) yield rest;
}

class LineCutter {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Since the last newline. */
  #openBytes = 0;

  /** @returns a block once there is enough for one. */
  add(piece: Uint8Array): Uint8Array | undefined {
    const newline = piece.lastIndexOf(NEWLINE);
    if (newline === -1) {
      // Nothing ends here. Of an endless line, only its beginning is kept.
      const room = Math.max(0, EVENT_BYTES_MAX + 1 - this.#openBytes);
      this.#push(piece.subarray(0, room));
      this.#openBytes += Math.min(piece.length, room);
      return undefined;
    }
    this.#push(piece.subarray(0, newline + 1));
    if (this.#bytes < BLOCK_BYTES) {
      this.#open(piece.subarray(newline + 1));
      return undefined;
    }
    const block = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    this.#open(piece.subarray(newline + 1));
    return block;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }

  #open(start: Uint8Array): void {
    const kept = start.subarray(0, EVENT_BYTES_MAX + 1);
    this.#push(kept);
    this.#openBytes = kept.length;
  }

  /** Copied: a piece may be of a buffer that is used again. */
  #push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(new Uint8Array(piece));
    this.#bytes += piece.length;
  }
}
