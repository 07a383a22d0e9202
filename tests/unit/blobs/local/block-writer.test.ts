import { beforeEach, expect, test } from "bun:test";
import { constants } from "node:fs";
import { join } from "node:path";
import { BLOCK_BYTES } from "@millrace/blobs/block-memory";
import { Sha256 } from "@millrace/blobs/hashing/sha256";
import { BlockWriter, writeBlocks } from "@millrace/blobs/local/block-writer";
import { OpenFile } from "@millrace/blobs/local/open-file";
import { scratch } from "../../../support/scratch.ts";

const BYTES_MAX = 100 * BLOCK_BYTES;

let path: string;
let file: OpenFile;
beforeEach(async () => {
  path = join((await scratch()).folder("writer"), "file");
  file = await OpenFile.open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
});

const blocks = (count: number) => Uint8Array.from({ length: count * BLOCK_BYTES + 5 }, (_, at) => at % 251);

async function* inPieces(bytes: Uint8Array, pieceBytes: number, failure?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  if (failure !== undefined) throw failure;
}

async function written(): Promise<Uint8Array> {
  await file.close();
  return Bun.file(path).bytes();
}

/** A disk whose n-th write fails, after it took a part of it. */
class FailingDisk {
  writes = 0;
  syncs = 0;
  lastEnd = 0;
  readonly #failsAt: number;

  constructor(failsAt: number) {
    this.#failsAt = failsAt;
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    this.writes += 1;
    if (this.writes === this.#failsAt) throw new Error("no room");
    if (position > this.lastEnd) throw new Error("a hole");
    this.lastEnd = position + pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  }

  async lend(): Promise<never> {
    throw new Error("nobody hashes");
  }

  async sync(): Promise<void> {
    this.syncs += 1;
  }
}

test("writes and hashes all of it, in order, with more than its memory holds", async () => {
  const bytes = blocks(20);
  const hash = new Sha256();
  const writer = new BlockWriter(file, 0, hash);
  await writeBlocks(writer, inPieces(bytes, 70_001), { bytesMax: BYTES_MAX });
  expect(writer.offset).toBe(bytes.length);
  expect(await hash.digest()).toBe(Bun.CryptoHasher.hash("sha256", bytes, "hex"));
  expect(Buffer.compare(await written(), bytes)).toBe(0);
});

/** Chunks that are given back, and those that somebody still has. */
function lending(bytes: Uint8Array, failure?: Error) {
  const out = new Set<Uint8Array>();
  let mostBytes = 0;
  const chunks = async function* () {
    for await (const chunk of inPieces(bytes, 70_001, failure)) {
      const own = chunk.slice();
      out.add(own);
      mostBytes = Math.max(
        mostBytes,
        [...out].reduce((sum, { byteLength }) => sum + byteLength, 0),
      );
      yield own;
    }
  };
  const giveBack = (chunk: Uint8Array) => {
    if (!out.delete(chunk)) throw new Error("it was not out");
    chunk.fill(255); // Whoever looks at it afterwards sees it.
  };
  return { source: { [Symbol.asyncIterator]: chunks, giveBack }, out, mostBytes: () => mostBytes };
}

test("chunks that may be kept are written as they are, not too many at a time, and given back once", async () => {
  const bytes = blocks(40);
  const hash = new Sha256();
  const writer = new BlockWriter(file, 0, hash);
  const { source, out, mostBytes } = lending(bytes);
  await writeBlocks(writer, source, { bytesMax: BYTES_MAX });
  expect(await hash.digest()).toBe(Bun.CryptoHasher.hash("sha256", bytes, "hex"));
  expect(Buffer.compare(await written(), bytes)).toBe(0);
  expect(out.size).toBe(0);
  expect(mostBytes()).toBeLessThan(9 * BLOCK_BYTES);
});

test.each([
  ["the source", undefined, new Error("cut")],
  ["a write", 2, undefined],
])("when %s fails, all chunks are given back", async (_, failsAt, failure) => {
  const writer = new BlockWriter(new FailingDisk(failsAt ?? Number.POSITIVE_INFINITY), 0, undefined);
  const { source, out } = lending(blocks(20), failure);
  const writing = writeBlocks(writer, source, { bytesMax: BYTES_MAX, keepsRest: true });
  await expect(writing).rejects.toThrow(failure?.message ?? "no room");
  expect(out.size).toBe(0);
});

test("when the source fails, what came before is in the file, and in the hash", async () => {
  const bytes = blocks(2);
  const hash = new Sha256();
  const writer = new BlockWriter(file, 0, hash);
  const source = inPieces(bytes, 100_000, new Error("cut"));
  const writing = writeBlocks(writer, source, { bytesMax: BYTES_MAX, keepsRest: true });
  await expect(writing).rejects.toThrow("cut");
  expect(writer.isWhole).toBe(true);
  expect(Buffer.compare(await written(), bytes)).toBe(0);
  expect(await hash.digest()).toBe(Bun.CryptoHasher.hash("sha256", bytes, "hex"));
});

test("when a write fails, nothing is written behind it, what was written is synced, and the failure is told", async () => {
  const disk = new FailingDisk(4);
  const writer = new BlockWriter(disk, 0, undefined);
  const writing = writeBlocks(writer, inPieces(blocks(20), BLOCK_BYTES), { bytesMax: BYTES_MAX });
  await expect(writing).rejects.toThrow("no room");
  expect({ writes: disk.writes, offset: writer.offset, isWhole: writer.isWhole }).toEqual({
    ...{ writes: 4, offset: 3 * BLOCK_BYTES, isWhole: false },
  });
  expect(disk.syncs).toBe(1);
});

test("a sync that fails on the way is not forgotten when the last one succeeds", async () => {
  const disk = new FailingDisk(Number.POSITIVE_INFINITY);
  disk.sync = async () => {
    disk.syncs += 1;
    if (disk.syncs === 1) throw new Error("the disk is broken");
  };
  const writer = new BlockWriter(disk, 0, undefined);
  const writing = writeBlocks(writer, inPieces(blocks(20), BLOCK_BYTES), { bytesMax: BYTES_MAX });
  await expect(writing).rejects.toThrow("the disk is broken");
});
