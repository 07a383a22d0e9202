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
  file = await OpenFile.open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
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

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.writes += 1;
    if (this.writes === this.#failsAt) throw new Error("no room");
    if (position > this.lastEnd) throw new Error("a hole");
    this.lastEnd = position + bytes.byteLength;
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
