import { beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Blobs } from "@millrace/blobs";
import { openLocalBlobs } from "@millrace/blobs/local/local-blobs";
import { contentOf, source } from "../../../support/blobs.ts";
import { tempHome } from "../../../support/servers.ts";

const ALL = { bytesMax: 1e6 };

let root: string;
let elsewhere: string;
let blobs: Blobs;
beforeEach(async () => {
  root = join(await tempHome(), "files");
  elsewhere = await tempHome();
  blobs = await openLocalBlobs(root);
});

function modesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name !== "")
    .map((entry) => {
      const { mode } = statSync(join(entry.parentPath, entry.name));
      return `${entry.isDirectory() ? "folder" : "file"} ${(mode & 0o777).toString(8)}`;
    });
}

test("nobody else may read anything, finished or not, whatever the umask", async () => {
  const umask = process.umask(0);
  try {
    await blobs.write("a/b", source(10), ALL);
    await blobs.uploads.begin("u");
    await blobs.uploads.append("u", source(10), { ...ALL, offset: 0 });
  } finally {
    process.umask(umask);
  }
  expect([...new Set(modesIn(root))].toSorted()).toEqual(["file 600", "folder 700"]);
});

test("a key and keys below it do not meet", async () => {
  await blobs.write("a", source(1), ALL);
  await blobs.write("a/b", source(2), ALL);
  await blobs.remove("a");
  expect(await blobs.stat("a/b")).toMatchObject({ bytes: 2 });
});

test("removing the last blob of a folder removes the folder, and not before", async () => {
  await blobs.write("x/y/one", source(1), ALL);
  await blobs.write("x/y/two", source(1), ALL);
  await blobs.remove("x/y/one");
  expect(existsSync(join(root, "blobs/x/y"))).toBe(true);
  await blobs.remove("x/y/two");
  expect(readdirSync(join(root, "blobs"))).toEqual([]);
});

test("writing into a folder that others keep emptying succeeds", async () => {
  const rounds = Array.from({ length: 40 }, (_, index) => index);
  await Promise.all(
    rounds.map(async (index) => {
      await blobs.write(`same/${index}`, source(10), ALL);
      expect(await blobs.stat(`same/${index}`)).toMatchObject({ bytes: 10 });
      await blobs.remove(`same/${index}`);
    }),
  );
  expect(readdirSync(join(root, "blobs"))).toEqual([]);
});

test("a link that has a blob's name is not read, and replaced by a write instead of followed", async () => {
  const secret = join(elsewhere, "secret");
  writeFileSync(secret, "secret");
  symlinkSync(secret, join(root, "blobs/a.blob"));
  await expect(blobs.read("a")).rejects.toThrow();
  await blobs.write("a", source(3), ALL);
  expect(readFileSync(secret, "utf8")).toBe("secret");
  expect((await contentOf(blobs, "a"))?.byteLength).toBe(3);
});

test("a folder that is a link is refused by reads and writes", async () => {
  mkdirSync(join(elsewhere, "sub"));
  writeFileSync(join(elsewhere, "x.blob"), "secret");
  symlinkSync(elsewhere, join(root, "blobs/out"));
  await expect(blobs.read("out/x")).rejects.toThrow("link");
  await expect(blobs.write("out/y", source(3), ALL)).rejects.toThrow("link");
  await expect(blobs.write("out/sub/y", source(3), ALL)).rejects.toThrow("link");
  expect(readdirSync(elsewhere).toSorted()).toEqual(["sub", "x.blob"]);
  expect((await blobs.list()).items).toEqual([]);
});

test("an upload whose file is a link, or has a second name, is not written to", async () => {
  const victim = join(elsewhere, "victim");
  writeFileSync(victim, "");
  symlinkSync(victim, join(root, "unfinished/l.upload"));
  linkSync(victim, join(root, "unfinished/h.upload"));
  for (const key of ["l", "h"])
    await expect(blobs.uploads.append(key, source(3), { ...ALL, offset: 0 })).rejects.toThrow();
  expect(readFileSync(victim, "utf8")).toBe("");
});

test("other people's files are neither listed nor swept", async () => {
  writeFileSync(join(root, "blobs/notes.txt"), "x");
  writeFileSync(join(root, "unfinished/notes.txt"), "x");
  expect((await blobs.list()).items).toEqual([]);
  expect(await blobs.sweep({ idleMs: -60_000 })).toEqual({ removed: 0 });
  expect(existsSync(join(root, "unfinished/notes.txt"))).toBe(true);
});

test("a sweep leaves an upload alone that somebody appends to at this moment", async () => {
  await blobs.uploads.begin("busy");
  const goOn = Promise.withResolvers<void>();
  const isWaiting = Promise.withResolvers<void>();
  async function* slow() {
    yield* source(10);
    isWaiting.resolve();
    await goOn.promise;
  }
  const append = blobs.uploads.append("busy", slow(), { ...ALL, offset: 0 });
  await isWaiting.promise;
  expect(await blobs.sweep({ idleMs: -60_000 })).toEqual({ removed: 0 });
  const finish = blobs.uploads.finish("busy");
  expect(await finish.catch((error: unknown) => error)).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  goOn.resolve();
  expect(await append).toEqual({ kind: "appended", offset: 10 });
  expect(await blobs.uploads.finish("busy")).toMatchObject({ bytes: 10 });
});

test("nothing but blobs is left after a finished upload: no lock, no empty folder", async () => {
  await blobs.uploads.begin("done");
  await blobs.uploads.append("done", source(10), { ...ALL, offset: 0 });
  await blobs.uploads.finish("done");
  expect(readdirSync(join(root, "unfinished"))).toEqual([]);
});

test("a folder that has gone makes the health check fail, and a file in its place the start", async () => {
  rmSync(root, { recursive: true });
  await expect(blobs.checkHealth()).rejects.toThrow();
  writeFileSync(root, "x");
  await expect(openLocalBlobs(root)).rejects.toThrow();
});

test("readers that go away without a word cost neither a file nor the process", async () => {
  await blobs.write("left", source(300_000), { bytesMax: 1e6 });
  const path = join(root, "blobs/left.blob");
  const openFiles = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    }).length;
  const abandon = async () => {
    for (let index = 0; index < 20; index += 1) {
      const reading = await blobs.read("left");
      if (index % 2 === 0) await reading?.stream.getReader().read();
    }
  };
  await abandon();
  expect(openFiles()).toBeGreaterThan(0);
  const deadlineMs = performance.now() + 10_000;
  while (openFiles() > 2 && performance.now() < deadlineMs) {
    Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // One or two may be held by what is on the stack.
  expect(openFiles()).toBeLessThanOrEqual(2);
});

test("a reader that is cancelled in the middle of a read closes the file once, and after it", async () => {
  await blobs.write("c", source(900_000), { bytesMax: 1e6 });
  for (let round = 0; round < 50; round += 1) {
    const reading = await blobs.read("c");
    const reader = (reading?.stream ?? new ReadableStream<Uint8Array>()).getReader();
    const first = reader.read();
    await reader.cancel();
    await first;
  }
  expect((await contentOf(blobs, "c"))?.byteLength).toBe(900_000);
});
