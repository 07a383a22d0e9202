import { afterEach, describe, expect, test } from "bun:test";
import type { Blobs } from "@millrace/blobs";
import {
  bytesAt,
  CutError,
  contentOf,
  KINDS,
  leftovers,
  MIB,
  newBlobs,
  sha256Of,
  source,
} from "../support/blobs.ts";

const ALL = { bytesMax: 200 * MIB };
const PART = 5 * MIB;

describe.each(KINDS)("blobs, %s", (kind) => {
  let blobs: Blobs | undefined;
  const open = async () => (blobs = await newBlobs(kind));

  /** Whatever a test did: a finished write leaves nothing unfinished, and neither does a failed one. */
  afterEach(async () => {
    if (blobs !== undefined) expect(await leftovers(blobs)).toBe(0);
    blobs = undefined;
  });

  test.each([0, 1, PART - 1, PART, PART + 1, 2 * PART])(
    "%d bytes come back as they went in",
    async (bytes) => {
      const { write, read } = bound(await open());
      const written = await write("a/b", source(bytes), ALL);
      expect(written).toEqual({ bytes, sha256: await sha256Of(source(bytes)) });
      const reading = await read("a/b");
      expect(reading).toMatchObject({ bytes, start: 0, length: bytes });
      expect(await sha256Of(reading?.stream ?? source(0))).toBe(written.sha256);
    },
  );

  test("a blob that is not there is undefined, and removing it is harmless", async () => {
    const own = await open();
    expect(await own.read("no/such")).toBeUndefined();
    expect(await own.stat("no/such")).toBeUndefined();
    await own.remove("no/such");
  });

  test("stat tells the size and a time near now", async () => {
    const own = await open();
    await own.write("a", source(1234), ALL);
    const stat = await own.stat("a");
    expect(stat?.bytes).toBe(1234);
    expect(Math.abs((stat?.modifiedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test("the path of a blob, where there is one, leads to its bytes", async () => {
    const own = await open();
    await own.write("a/b", source(1234), ALL);
    expect([own.localPath, own.adopt].map(Boolean)).toEqual(Array(2).fill(kind === "local"));
    if (own.localPath === undefined) return;
    await expect(sha256Of(Bun.file((await own.localPath("a/b")) ?? "").stream())).resolves.toBe(
      await sha256Of(source(1234)),
    );
    expect(await own.localPath("a/c")).toBeUndefined();
    expect(await own.localPath("a")).toBeUndefined();
  });

  test("a removed blob is gone", async () => {
    const own = await open();
    await own.write("a/b/c", source(10), ALL);
    await own.remove("a/b/c");
    expect(await own.stat("a/b/c")).toBeUndefined();
    expect((await own.list()).items).toEqual([]);
  });

  test.each([
    [{ start: 0 }, 0, 9_000_000],
    [{ start: 0, end: 0 }, 0, 1],
    [{ start: 8_999_999 }, 8_999_999, 1],
    [{ start: 8_999_999, end: 20_000_000 }, 8_999_999, 1],
    [{ start: 4 * MIB - 1, end: 4 * MIB }, 4 * MIB - 1, 2],
    [{ start: 100, end: 5_300_000 }, 100, 5_299_901],
  ])("the range %j gives exactly its bytes", async (range, start, length) => {
    const own = await open();
    await own.write("r", source(9_000_000), ALL);
    const reading = await own.read("r", { range });
    expect(reading).toMatchObject({ bytes: 9_000_000, start, length });
    expect(await sha256Of(reading?.stream ?? source(0))).toBe(await sha256Of(source(length, { start })));
  });

  test.each([
    [{ start: 10 }, 10],
    [{ start: 0 }, 0],
    [{ start: 5, end: 4 }, 10],
    [{ start: -1 }, 10],
  ])("the range %j of %d bytes is refused", async (range, bytes) => {
    const own = await open();
    await own.write("r", source(bytes), ALL);
    await expect(own.read("r", { range })).rejects.toBeInstanceOf(RangeError);
  });

  test.each([100, PART + 100, 3 * PART])(
    "a source that fails after %d bytes leaves nothing, and its error is the one that is thrown",
    async (cutAfter) => {
      const own = await open();
      const write = own.write("cut", source(4 * PART, { cutAfter }), ALL);
      expect(await write.catch((error: unknown) => error)).toBeInstanceOf(CutError);
      expect(await own.stat("cut")).toBeUndefined();
    },
  );

  test("a failed write leaves the blob that was there before", async () => {
    const own = await open();
    await own.write("kept", source(1000), ALL);
    await own.write("kept", source(3 * PART, { salt: 1, cutAfter: 2 * PART }), ALL).catch(() => undefined);
    expect(await contentOf(own, "kept")).toEqual(bytesAt(0, 1000));
  });

  test.each([0, 1, PART + 1])(
    "a signal that fires after %d bytes ends a source that says nothing more",
    async (bytes) => {
      const own = await open();
      const abort = new AbortController();
      const waiting = Promise.withResolvers<void>();
      async function* stalling() {
        yield* source(bytes);
        waiting.resolve();
        await new Promise(() => undefined);
      }
      const write = own.write("stalled", stalling(), { ...ALL, signal: abort.signal });
      await waiting.promise;
      const reason = new Error("the client has gone");
      abort.abort(reason);
      expect(await write.catch((error: unknown) => error)).toBe(reason);
      expect(await own.stat("stalled")).toBeUndefined();
    },
  );

  test("a byte more than allowed is BODY_TOO_LARGE, exactly as many are not", async () => {
    const own = await open();
    expect(await own.write("fits", source(PART + 7), { bytesMax: PART + 7 })).toMatchObject({
      bytes: PART + 7,
    });
    const write = own.write("large", source(PART + 8), { bytesMax: PART + 7 });
    expect(await write.catch((error: unknown) => error)).toMatchObject({ code: "BODY_TOO_LARGE" });
    expect(await own.stat("large")).toBeUndefined();
  });

  test("of two writers of one key one wins, whole", async () => {
    const own = await open();
    const bytes = PART + 1000;
    const written = await Promise.all(
      [1, 2, 3].map((salt) => own.write("same", source(bytes, { salt }), ALL)),
    );
    const reading = await own.read("same");
    expect(written.map(({ sha256 }) => sha256)).toContain(await sha256Of(reading?.stream ?? source(0)));
  });

  test("a reader of a blob that is written anew gets the old bytes or an error, never a mixture", async () => {
    const own = await open();
    const bytes = 3 * PART;
    await own.write("v", source(bytes), ALL);
    const reading = await own.read("v");
    const reader = (reading?.stream ?? new ReadableStream()).getReader();
    const chunks = [(await reader.read()).value ?? new Uint8Array()];
    await own.write("v", source(bytes, { salt: 9 }), ALL);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        chunks.push(value);
      }
      expect(Bun.CryptoHasher.hash("sha256", Buffer.concat(chunks), "hex")).toBe(
        await sha256Of(source(bytes)),
      );
    } catch (error) {
      expect(error).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    }
  });

  test("a reader that stops halfway leaves nothing behind, and others are not disturbed", async () => {
    const own = await open();
    await own.write("c", source(2 * PART), ALL);
    const reading = await own.read("c");
    const reader = (reading?.stream ?? new ReadableStream()).getReader();
    await reader.read();
    await reader.cancel();
    expect(await contentOf(own, "c")).toEqual(bytesAt(0, 2 * PART));
  });

  test("lists page by page, all keys once, and only below the prefix", async () => {
    const own = await open();
    const keys = ["a", "a-b", "b/1", "b/2", "b/3/x", "b-1/y", "c/d/e"];
    for (const key of keys) await own.write(key, source(key.length), ALL);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await own.list({ limit: 2, cursor });
      expect(page.items.length).toBeLessThanOrEqual(2);
      for (const { key, bytes } of page.items) {
        expect(bytes).toBe(key.length);
        found.push(key);
      }
      cursor = page.cursor;
    } while (cursor !== undefined && found.length <= keys.length);
    expect(found.toSorted()).toEqual(keys.toSorted());
    const below = await own.list({ prefix: "b" });
    expect(below.items.map(({ key }) => key)).toEqual(["b/1", "b/2", "b/3/x"]);
    expect((await own.list({ prefix: "nothing" })).items).toEqual([]);
    expect((await own.list({ prefix: "b", cursor: "b/1" })).items.map(({ key }) => key)).toEqual([
      "b/2",
      "b/3/x",
    ]);
  });

  test.each([
    "",
    "..",
    "../x",
    "a/../b",
    "/a",
    "a/",
    "a//b",
    "A",
    "a.b",
    "ä",
    "a b",
    "a\0b",
    "a\\b",
    "-a",
    "a/-b",
    "%2e%2e/x",
    "a\n",
    "x".repeat(201),
  ])("the key %j is refused everywhere", async (key) => {
    const own = await open();
    const calls = [
      own.write(key, source(1), ALL),
      own.read(key),
      own.stat(key),
      own.remove(key),
      own.list({ prefix: key }),
      own.uploads.begin(key),
      own.uploads.offset(key),
      own.uploads.append(key, source(1), { ...ALL, offset: 0 }),
      own.uploads.finish(key),
      own.uploads.discard(key),
    ];
    for (const call of calls) expect(await call.catch((error: unknown) => error)).toBeInstanceOf(TypeError);
  });

  test("the longest key works", async () => {
    const own = await open();
    const key = `${"x".repeat(99)}/${"y".repeat(100)}`;
    await own.uploads.begin(key);
    await own.uploads.append(key, source(3), { ...ALL, offset: 0 });
    expect(await own.uploads.finish(key)).toMatchObject({ bytes: 3 });
    expect(await contentOf(own, key)).toEqual(bytesAt(0, 3));
  });

  test("a healthy storage says so", async () => {
    await (await open()).checkHealth();
  });
});

function bound(blobs: Blobs) {
  return { write: blobs.write.bind(blobs), read: blobs.read.bind(blobs) };
}
