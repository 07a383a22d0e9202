import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { PartBytes } from "@millrace/api/files/part-bytes";

/** Three chunks of which two views each are given. */
function threeChunks() {
  const stream = new PassThrough();
  const bytes = new PartBytes(stream);
  const chunks = [1, 2, 3].map((fill) => Buffer.from(new Uint8Array(1000).fill(fill).buffer));
  for (const chunk of chunks) {
    bytes.fed(chunk);
    stream.write(chunk.subarray(10, 400));
    stream.write(chunk.subarray(400));
  }
  stream.end();
  return { bytes, sizes: () => chunks.map((chunk) => chunk.byteLength) };
}

test("gives what arrives, and frees the chunks that are behind it, not the one that it looks at", async () => {
  const { bytes, sizes } = threeChunks();
  const seen: number[] = [];
  for await (const slice of bytes) {
    seen.push(slice.byteLength, slice[0] ?? 0);
    const behind = (slice[0] ?? 0) - 1;
    bytes.giveBack(slice);
    expect(sizes()).toEqual([0, 1, 2].map((index) => (index < behind ? 0 : 1000)));
  }
  expect(seen).toEqual([390, 1, 600, 1, 390, 2, 600, 2, 390, 3, 600, 3]);
});

test("a chunk of which a view is still looked at stays, and those after it, too", async () => {
  const { bytes, sizes } = threeChunks();
  const slices: Uint8Array[] = [];
  for await (const slice of bytes) slices.push(slice);
  expect(sizes()).toEqual([1000, 1000, 1000]);
  const [first, second, third, fourth] = slices;
  for (const slice of [third, first, fourth]) bytes.giveBack(slice ?? new Uint8Array());
  expect(sizes()).toEqual([1000, 1000, 1000]);
  bytes.giveBack(second ?? new Uint8Array());
  expect(sizes()).toEqual([0, 0, 1000]); // The last one is the parser's.
});

test("does not take more than it may hold before it is read", async () => {
  const stream = new PassThrough({ highWaterMark: 1024 });
  const bytes = new PartBytes(stream);
  for (let n = 0; n < 10; n += 1) stream.write(Buffer.alloc(64 * 1024));
  stream.end();
  await Bun.sleep(0);
  expect(stream.readableFlowing).toBe(false);
  let total = 0;
  for await (const slice of bytes) total += slice.byteLength;
  expect(total).toBe(640 * 1024);
});

test.each([
  ["with a reason", new Error("cut"), "cut"],
  ["without one", undefined, "the body ended before its end"],
])("a part that is given up %s does not look as if it had ended", async (_, reason, message) => {
  const stream = new PassThrough();
  const bytes = new PartBytes(stream);
  stream.write(Buffer.from("begun"));
  const read = async () => {
    for await (const _slice of bytes) stream.destroy(reason);
  };
  await expect(read()).rejects.toThrow(message);
});
