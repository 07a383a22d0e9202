import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { copyFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Blobs } from "@millrace/blobs";
import { bytesAt, leftovers, MIB, newBlobs, sha256Of, source } from "../../../support/blobs.ts";
import { scratch } from "../../../support/scratch.ts";

const ALL = { bytesMax: 200 * MIB };
/** Up to here the main thread hashes; beyond, another one reads the file. */
const NEAR_BYTES = 512 * 1024;

let blobs: Blobs;
beforeEach(async () => {
  blobs = await newBlobs("local");
});
/** Whatever a test did: nothing unfinished is left. */
afterEach(async () => {
  expect(await leftovers(blobs)).toBe(0);
});

async function fileOf(bytes: number): Promise<string> {
  const path = join((await scratch()).folder("adopted"), crypto.randomUUID());
  await Bun.write(path, bytesAt(0, bytes));
  return path;
}

const adopt = (path: string, options: Parameters<Blobs["write"]>[2] = ALL) =>
  blobs.adopt?.("a/b", path, options);

test.each([0, 1, NEAR_BYTES, NEAR_BYTES + 1, 10 * MIB])(
  "a file of %d bytes becomes the blob",
  async (bytes) => {
    const path = await fileOf(bytes);
    const sha256 = await sha256Of(source(bytes));
    expect(await adopt(path)).toEqual({ bytes, sha256 });
    expect(existsSync(path)).toBe(false);
    expect(await sha256Of((await blobs.read("a/b"))?.stream ?? source(7))).toBe(sha256);
  },
);

test("it takes the place of a blob that has the name", async () => {
  await blobs.write("a/b", source(7), ALL);
  await adopt(await fileOf(10));
  expect((await blobs.stat("a/b"))?.bytes).toBe(10);
});

test.each([
  ["is too large", { bytesMax: 9 }, "more than 9 bytes"],
  ["nobody wants any more", { ...ALL, signal: AbortSignal.abort(new Error("enough")) }, "enough"],
] as const)("a file that %s becomes no blob, and is gone", async (_, options, refusal) => {
  const path = await fileOf(10);
  await expect(adopt(path, options)).rejects.toThrow(refusal);
  expect(existsSync(path)).toBe(false);
  expect(await blobs.stat("a/b")).toBeUndefined();
});

test("a link does not become a blob, nor does what it leads to", async () => {
  const path = await fileOf(10);
  await symlink(path, `${path}.link`);
  await expect(adopt(`${path}.link`)).rejects.toThrow();
  expect(await blobs.stat("a/b")).toBeUndefined();
  expect(existsSync(path)).toBe(true);
});

test("a file that is not there is a failure", async () => {
  await expect(adopt(join((await scratch()).folder("adopted"), "none"))).rejects.toThrow("ENOENT");
});

/** On Linux one of the two is memory; where there is only one file system, there is nothing to see. */
function elsewhereThan(path: string): string | undefined {
  const { dev } = statSync(dirname(path));
  return ["/dev/shm", tmpdir()].find((folder) => existsSync(folder) && statSync(folder).dev !== dev);
}

test("a file of another file system stays where it is", async () => {
  const near = await fileOf(10);
  const elsewhere = elsewhereThan(near);
  if (elsewhere === undefined) return;
  const far = join(elsewhere, `millrace-adopt-${crypto.randomUUID()}`);
  await copyFile(near, far);
  try {
    expect(await adopt(far)).toBeUndefined();
    expect(existsSync(far)).toBe(true);
    expect(await blobs.stat("a/b")).toBeUndefined();
  } finally {
    await rm(far);
  }
});
