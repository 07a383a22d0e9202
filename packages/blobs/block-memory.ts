/** What must be copied before it is written is copied into blocks of this size. */
export const BLOCK_BYTES = 512 * 1024;

/** Blocks that are kept for the next write: new memory costs a page fault every 4 KiB, and a collection later. */
const KEPT_MAX = 24;

const kept: Uint8Array[] = [];

export function takeBlock(): Uint8Array {
  return kept.pop() ?? new Uint8Array(BLOCK_BYTES);
}

/** To be called once nobody reads it or writes to it any more. */
export function giveBlockBack(block: Uint8Array): void {
  if (kept.length < KEPT_MAX) kept.push(block);
}
