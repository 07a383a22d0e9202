import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { join } from "node:path";
import { hashThread } from "@millrace/blobs/hashing/hash-thread";
import { Sha256 } from "@millrace/blobs/hashing/sha256";
import { OpenFile } from "@millrace/blobs/local/open-file";
import { scratch } from "../../../support/scratch.ts";

/** More than is hashed without the thread. */
const MUCH = 600_000;

/** A file that grows, and is hashed as it does. */
async function growing(hash: Sha256) {
  const path = join((await scratch()).folder("hashed"), "file");
  const file = await OpenFile.open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const all: Uint8Array[] = [];
  let end = 0;
  return {
    add: async (bytes: number) => {
      const piece = crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536)));
      const pieces = [piece, Buffer.alloc(bytes - piece.byteLength, piece)];
      await file.write(pieces, end);
      all.push(...pieces);
      end += bytes;
      return hash.add(pieces, { file, end });
    },
    sha256: () => Bun.CryptoHasher.hash("sha256", Buffer.concat(all), "hex"),
  };
}

test.each([
  ["nothing", []],
  ["little", [7, 80]],
  ["much, and the rest", [MUCH, MUCH, 3]],
  ["little before much", [3, 70_000, MUCH]],
])("hashes %s", async (_, lengths) => {
  const hash = new Sha256();
  const file = await growing(hash);
  for (const bytes of lengths) await file.add(bytes);
  expect(await hash.digest()).toBe(file.sha256());
});

test("hashes of several files do not mix, and one that is forgotten does not matter", async () => {
  const hashes = [new Sha256(), new Sha256(), new Sha256()] as const;
  const files = await Promise.all(hashes.map(growing));
  for (let round = 0; round < 3; round += 1) await Promise.all(files.map((file) => file.add(MUCH)));
  hashes[2].forget();
  expect<unknown>(await Promise.all([hashes[0].digest(), hashes[1].digest()])).toEqual(
    files.slice(0, 2).map((file) => file.sha256()),
  );
});

test("of a file that ends before what was added, the hash is unknown, also when more comes", async () => {
  const hash = new Sha256();
  const path = join((await scratch()).folder("hashed"), "short");
  const file = await OpenFile.open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  await file.write([new Uint8Array(MUCH - 1)], 0);
  await hash.add([], { file, end: MUCH });
  await file.write([new Uint8Array(2 * MUCH)], 0);
  await hash.add([], { file, end: 2 * MUCH });
  expect(await hash.digest()).toBeUndefined();
});

test("when the thread dies, its hashes are unknown, nobody waits for ever, and a new one takes over", async () => {
  const hash = new Sha256();
  const file = await growing(hash);
  await file.add(MUCH);
  await hashThread().terminate();
  await file.add(MUCH);
  expect(await hash.digest()).toBeUndefined();
  const next = new Sha256();
  const other = await growing(next);
  await other.add(MUCH);
  expect(await next.digest()).toBe(other.sha256());
});
