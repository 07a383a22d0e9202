import { expect, test } from "bun:test";
import { BLOCK_BYTES, takeBlock } from "@millrace/blobs/block-memory";
import { hashThread } from "@millrace/blobs/hashing/hash-thread";
import { Sha256 } from "@millrace/blobs/hashing/sha256";

function blockOf(fill: number, bytes = BLOCK_BYTES) {
  return takeBlock().subarray(0, bytes).fill(fill);
}

function sha256Of(...blocks: readonly Uint8Array[]): string {
  return Bun.CryptoHasher.hash("sha256", Buffer.concat(blocks), "hex");
}

test.each([
  ["nothing", []],
  ["less than a block", [7]],
  ["blocks, and the rest", [BLOCK_BYTES, BLOCK_BYTES, 3]],
  ["small pieces before whole blocks", [3, BLOCK_BYTES]],
])("hashes %s", async (_, lengths) => {
  const blocks = lengths.map((bytes, index) => blockOf(index + 1, bytes));
  const hash = new Sha256();
  await Promise.all(blocks.map((block) => hash.add(block)));
  expect(await hash.digest()).toBe(sha256Of(...blocks));
});

test("hashes of several streams do not mix, and one that is forgotten does not matter", async () => {
  const [one, other, third] = [new Sha256(), new Sha256(), new Sha256()];
  const blocks = [blockOf(1), blockOf(2), blockOf(3)] as const;
  await Promise.all([one.add(blocks[0]), other.add(blocks[1]), third.add(blocks[2]), one.add(blocks[2])]);
  third.forget();
  expect(await Promise.all([one.digest(), other.digest()])).toEqual([
    sha256Of(blocks[0], blocks[2]),
    sha256Of(blocks[1]),
  ]);
});

test("when the thread dies, its hashes are unknown, nobody waits for ever, and a new one takes over", async () => {
  const hash = new Sha256();
  await hash.add(blockOf(1));
  await hashThread().terminate();
  await hash.add(blockOf(2));
  expect(await hash.digest()).toBeUndefined();
  const next = new Sha256();
  await next.add(blockOf(1));
  expect(await next.digest()).toBe(sha256Of(blockOf(1)));
});
