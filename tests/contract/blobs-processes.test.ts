import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  bytesAt,
  contentOf,
  KINDS,
  leftovers,
  MIB,
  newStorage,
  openStorage,
  sha256Of,
  source,
} from "../support/blobs.ts";
import type { Orders } from "../support/blobs-child.ts";
import { untilTrue } from "../support/running-stack.ts";

const CHILD = join(import.meta.dirname, "../support/blobs-child.ts");
const PART = 5 * MIB;

function spawn(orders: Orders, prefix: readonly string[] = []) {
  return Bun.spawn([...prefix, process.execPath, CHILD, JSON.stringify(orders)], {
    stdout: "pipe",
    stderr: "inherit",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
}

/** Resolves when the process has said so, and fails when it ends before. */
async function said(child: ReturnType<typeof spawn>, line: string): Promise<void> {
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (text.includes(line)) return;
  }
  throw new Error(`the process ended without saying ${line}: ${text}`);
}

async function kill9(child: ReturnType<typeof spawn>): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

describe.each(KINDS)("a process that is killed, %s", (kind) => {
  test.each([1000, 2 * PART + 1000])(
    "in the middle of a write, after %d bytes: there is no blob, and the sweep removes the rest",
    async (bytes) => {
      const storage = await newStorage(kind);
      const child = spawn({ storage, work: "stall-in-write", bytes });
      await said(child, "stalled");
      await kill9(child);
      const blobs = await openStorage(storage);
      expect(await blobs.stat("half")).toBeUndefined();
      expect((await blobs.list()).items).toEqual([]);
      expect(await blobs.sweep({ idleMs: 60_000 })).toEqual({ removed: 0 });
      // What is smaller than a part has not left the process for S3.
      expect(await leftovers(blobs)).toBe(kind === "s3" && bytes < PART ? 0 : 1);
      expect(await leftovers(blobs)).toBe(0);
    },
  );

  test("in the middle of an append: another goes on where whole blocks end, and the blob is right", async () => {
    const storage = await newStorage(kind);
    const child = spawn({ storage, work: "stall-in-append", bytes: 2 * PART + 1000 });
    const blobs = await openStorage(storage);
    await said(child, "stalled");
    // Blocks are written while the next ones come: the last whole one may still be under way.
    await untilTrue(async () => (await blobs.uploads.offset("half")) === 2 * PART, 10_000, "it is written");
    await kill9(child);
    const offset = (await blobs.uploads.offset("half")) ?? -1;
    expect(offset).toBe(2 * PART);
    const bytes = 3 * PART + 7;
    const rest = source(bytes - offset, { start: offset });
    const outcome = await blobs.uploads.append("half", rest, { bytesMax: bytes, offset });
    expect(outcome).toEqual({ kind: "appended", offset: bytes });
    expect(await blobs.uploads.finish("half")).toEqual({ bytes, sha256: await sha256Of(source(bytes)) });
    expect(await leftovers(blobs)).toBe(0);
  });
});

describe.each(KINDS)("100 MB, %s", (kind) => {
  test("come back whole, and neither writing nor reading nor an upload holds them in memory", async () => {
    const storage = await newStorage(kind);
    const child = spawn({ storage, work: "measure", bytes: 100 * MIB });
    const growth: Readonly<Record<string, number>> = JSON.parse(await child.stdout.text());
    process.stdout.write(`100 MB, ${kind}: the process grew by ${JSON.stringify(growth)}\n`);
    expect(growth.write).toBeLessThan(16 * MIB);
    expect(growth.append).toBeLessThan(16 * MIB);
    // What fetch gives is garbage at once, and collected some 20 MB later.
    expect(growth.read).toBeLessThan(kind === "s3" ? 40 * MIB : 16 * MIB);
    const blobs = await openStorage(storage);
    async function* repeated() {
      for (let done = 0; done < 100 * MIB; done += 64 * 1024) yield bytesAt(0, 64 * 1024);
    }
    const sha256 = await sha256Of(repeated());
    for (const key of ["large", "upload"]) {
      const reading = await blobs.read(key);
      expect(await sha256Of(reading?.stream ?? source(0))).toBe(sha256);
    }
  }, 60_000);
});

describe("a disk that is full", () => {
  test("is STORAGE_FULL: a write leaves nothing, an upload keeps what fitted and goes on when there is room", async () => {
    const storage = await newStorage("local");
    const bytes = 3 * MIB;
    // ulimit counts blocks of 512 bytes in some shells and of 1024 in others: 1 or 2 MiB.
    const child = spawn({ storage, work: "fill", bytes }, ["sh", "-c", 'ulimit -f 2048 && exec "$@"', "sh"]);
    const told: { codes: string[]; offset: number } = JSON.parse(await child.stdout.text());
    expect(told.codes).toEqual(["STORAGE_FULL", "STORAGE_FULL"]);
    expect([1 * MIB, 2 * MIB]).toContain(told.offset);
    const blobs = await openStorage(storage);
    expect(await blobs.stat("full")).toBeUndefined();
    const rest = source(bytes - told.offset, { start: told.offset });
    await blobs.uploads.append("part", rest, { bytesMax: bytes, offset: told.offset });
    expect(await blobs.uploads.finish("part")).toEqual({ bytes, sha256: await sha256Of(source(bytes)) });
    expect(await contentOf(blobs, "part")).toEqual(bytesAt(0, bytes));
    expect(await leftovers(blobs)).toBe(0);
  });
});
