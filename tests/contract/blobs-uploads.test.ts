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
  newStorage,
  openStorage,
  sha256Of,
  source,
} from "../support/blobs.ts";
import { diceOf } from "../support/dice.ts";

const PART = 5 * MIB;
const MAX = { bytesMax: 200 * MIB };

describe.each(KINDS)("uploads in chunks, %s", (kind) => {
  let blobs: Blobs | undefined;
  const open = async () => (blobs = await newBlobs(kind));

  afterEach(async () => {
    if (blobs !== undefined) expect(await leftovers(blobs)).toBe(0);
    blobs = undefined;
  });

  test.each([
    [[]],
    [[1]],
    [[PART - 1, 1]],
    [[PART, PART]],
    [[100, PART, 3 * MIB, 7]],
    [[2 * PART + 1, 1, 1]],
  ])("chunks of %j bytes become one blob", async (chunks: number[]) => {
    const { uploads, ...own } = withUploads(await open());
    await uploads.begin("u/1");
    let offset = 0;
    for (const bytes of chunks) {
      const outcome = await uploads.append("u/1", source(bytes, { start: offset }), { ...MAX, offset });
      offset += bytes;
      expect(outcome).toEqual({ kind: "appended", offset });
      expect(await uploads.offset("u/1")).toBe(offset);
      expect(await own.stat("u/1")).toBeUndefined();
    }
    expect(await uploads.finish("u/1")).toEqual({ bytes: offset, sha256: await sha256Of(source(offset)) });
    expect(await contentOf(own.blobs, "u/1")).toEqual(bytesAt(0, offset));
    expect(await uploads.offset("u/1")).toBeUndefined();
  });

  test("what came before a cut is kept, and the next chunk goes on there", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const dice = diceOf(seed);
    const { uploads, ...own } = withUploads(await open());
    const bytes = 3 * PART + 12_345;
    await uploads.begin("cut");
    let cuts = 0;
    for (let offset = 0; offset < bytes; ) {
      const cutAfter = dice.between(0, PART + PART / 2);
      const rest = bytes - offset;
      const append = uploads.append("cut", source(rest, { start: offset, cutAfter }), { ...MAX, offset });
      const outcome = await append.catch((error: unknown) => error);
      offset += Math.min(cutAfter, rest);
      expect({ seed, offset: await uploads.offset("cut") }).toEqual({ seed, offset });
      if (cutAfter > rest) break;
      expect(outcome).toBeInstanceOf(CutError);
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(0);
    const finished = await uploads.finish("cut");
    expect({ seed, finished }).toEqual({ seed, finished: { bytes, sha256: await sha256Of(source(bytes)) } });
    expect(await contentOf(own.blobs, "cut")).toEqual(bytesAt(0, bytes));
  });

  test("a signal ends a source that says nothing more, and what it gave is kept", async () => {
    const { uploads } = withUploads(await open());
    await uploads.begin("stalled");
    const abort = new AbortController();
    const waiting = Promise.withResolvers<void>();
    async function* stalling() {
      yield* source(1000);
      waiting.resolve();
      await new Promise(() => undefined);
    }
    const append = uploads.append("stalled", stalling(), { ...MAX, offset: 0, signal: abort.signal });
    await waiting.promise;
    abort.abort(new CutError("gone"));
    expect(await append.catch((error: unknown) => error)).toBeInstanceOf(CutError);
    expect(await uploads.offset("stalled")).toBe(1000);
    await uploads.discard("stalled");
  });

  test("chunks may come through processes in turn, and the sha256 is right all the same", async () => {
    const storage = await newStorage(kind);
    const processes = [await openStorage(storage), await openStorage(storage)] as const;
    blobs = processes[0];
    await processes[0].uploads.begin("shared");
    let offset = 0;
    for (const [index, bytes] of [PART, 100, PART, 7].entries()) {
      const { uploads } = processes[index % 2 === 0 ? 0 : 1];
      await uploads.append("shared", source(bytes, { start: offset }), { ...MAX, offset });
      offset += bytes;
    }
    const expected = { bytes: offset, sha256: await sha256Of(source(offset)) };
    expect(await processes[0].uploads.finish("shared")).toEqual(expected);
  });

  test("a hash of an upload that was discarded and begun anew elsewhere is not mistaken for the new one's", async () => {
    const storage = await newStorage(kind);
    const [one, other] = [await openStorage(storage), await openStorage(storage)];
    blobs = one;
    await one.uploads.begin("again");
    await one.uploads.append("again", source(100), { ...MAX, offset: 0 });
    await other.uploads.discard("again");
    await other.uploads.begin("again");
    await other.uploads.append("again", source(100, { salt: 3 }), { ...MAX, offset: 0 });
    await one.uploads.append("again", source(100), { ...MAX, offset: 100 });
    const finished = await one.uploads.finish("again");
    expect(finished?.sha256).toBe(
      Bun.CryptoHasher.hash("sha256", (await contentOf(one, "again")) ?? "", "hex"),
    );
  });

  test("another offset is a conflict that tells the right one, and changes nothing", async () => {
    const { uploads } = withUploads(await open());
    await uploads.begin("o");
    await uploads.append("o", source(10), { ...MAX, offset: 0 });
    for (const offset of [0, 9, 11])
      expect(await uploads.append("o", source(5), { ...MAX, offset })).toEqual({
        kind: "conflict",
        offset: 10,
      });
    expect(await uploads.offset("o")).toBe(10);
    await uploads.discard("o");
  });

  test.each([100, PART + 100])(
    "of two that append %d bytes at once one is told of a conflict",
    async (bytes) => {
      const storage = await newStorage(kind);
      const [one, other] = [await openStorage(storage), await openStorage(storage)];
      blobs = one;
      await one.uploads.begin("race");
      const outcomes = await Promise.all(
        [one, other].map(({ uploads }, index) =>
          uploads.append("race", source(bytes, { salt: index + 1 }), { ...MAX, offset: 0 }),
        ),
      );
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(["appended", "conflict"]);
      expect(await other.uploads.offset("race")).toBe(bytes);
      const winner = outcomes.findIndex(({ kind }) => kind === "appended");
      if (bytes > PART) return one.uploads.discard("race");
      expect((await one.uploads.finish("race"))?.sha256).toBe(
        await sha256Of(source(bytes, { salt: winner + 1 })),
      );
    },
  );

  test("more bytes than allowed are BODY_TOO_LARGE, and never kept", async () => {
    const { uploads } = withUploads(await open());
    await uploads.begin("large");
    const append = uploads.append("large", source(200_000), { bytesMax: 100_000, offset: 0 });
    expect(await append.catch((error: unknown) => error)).toMatchObject({ code: "BODY_TOO_LARGE" });
    expect(await uploads.offset("large")).toBeLessThanOrEqual(100_000);
    await uploads.discard("large");
  });

  test("what was never begun, or was discarded, is missing", async () => {
    const { uploads } = withUploads(await open());
    expect(await uploads.offset("no")).toBeUndefined();
    expect(await uploads.append("no", source(1), { ...MAX, offset: 0 })).toEqual({ kind: "missing" });
    expect(await uploads.finish("no")).toBeUndefined();
    await uploads.discard("no");
    await uploads.begin("gone");
    await uploads.append("gone", source(PART + 1), { ...MAX, offset: 0 });
    await uploads.discard("gone");
    await uploads.discard("gone");
    expect(await uploads.offset("gone")).toBeUndefined();
    expect(await uploads.append("gone", source(1), { ...MAX, offset: PART + 1 })).toEqual({
      kind: "missing",
    });
    expect(await uploads.finish("gone")).toBeUndefined();
  });

  test("beginning again keeps what is there", async () => {
    const { uploads } = withUploads(await open());
    await uploads.begin("b");
    await uploads.append("b", source(10), { ...MAX, offset: 0 });
    await uploads.begin("b");
    expect(await uploads.offset("b")).toBe(10);
    await uploads.discard("b");
  });

  test.each([0, 100, 2 * PART + 100])(
    "finishing %d bytes again, also elsewhere, gives the same answer",
    async (bytes) => {
      const storage = await newStorage(kind);
      const [one, other] = [await openStorage(storage), await openStorage(storage)];
      blobs = one;
      await one.uploads.begin("f");
      await one.uploads.append("f", source(bytes), { ...MAX, offset: 0 });
      const finished = await one.uploads.finish("f");
      expect(finished).toEqual({ bytes, sha256: await sha256Of(source(bytes)) });
      expect(await one.uploads.finish("f")).toEqual(finished);
      expect(await other.uploads.finish("f")).toEqual(finished);
    },
  );

  test("a sweep removes what nobody went on with, and nothing else", async () => {
    const { uploads, ...own } = withUploads(await open());
    await own.blobs.write("blob", source(PART + 1), MAX);
    for (const [key, bytes] of [
      ["small", 10],
      ["large", PART + 10],
    ] as const) {
      await uploads.begin(key);
      await uploads.append(key, source(bytes), { ...MAX, offset: 0 });
    }
    expect(await own.blobs.sweep({ idleMs: 60_000 })).toEqual({ removed: 0 });
    expect(await uploads.offset("large")).toBe(PART + 10);
    expect(await leftovers(own.blobs)).toBe(2);
    expect(await uploads.offset("small")).toBeUndefined();
    expect(await uploads.offset("large")).toBeUndefined();
    expect(await own.stat("blob")).toMatchObject({ bytes: PART + 1 });
  });
});

function withUploads(blobs: Blobs) {
  return { blobs, uploads: blobs.uploads, stat: blobs.stat.bind(blobs) };
}
