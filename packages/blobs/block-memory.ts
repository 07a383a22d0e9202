/** A write goes in blocks of this size. */
export const BLOCK_BYTES = 512 * 1024;

/** Bytes from the start of a memory that threads share. */
export type Block = Uint8Array<SharedArrayBuffer>;

/** Blocks that are kept for the next write: new memory costs a page fault every 4 KiB, and a collection later. */
const KEPT_MAX = 24;

const kept: Block[] = [];

export function takeBlock(): Block {
  return kept.pop() ?? new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES));
}

/** To be called once nobody reads it or writes to it any more. */
export function giveBlockBack(block: Block): void {
  if (kept.length < KEPT_MAX) kept.push(block);
}
