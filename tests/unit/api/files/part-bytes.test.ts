import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { PartBytes } from "@millrace/api/files/part-bytes";

test("gives what arrives, and frees the chunks that are behind it, not the one that it looks at", async () => {
  const stream = new PassThrough();
  const bytes = new PartBytes(stream);
  const chunks = [1, 2, 3].map((fill) => Buffer.from(new Uint8Array(1000).fill(fill).buffer));
  for (const chunk of chunks) {
    bytes.fed(chunk);
    stream.write(chunk.subarray(10, 400));
    stream.write(chunk.subarray(400));
  }
  stream.end();
  const seen: number[] = [];
  for await (const slice of bytes) {
    seen.push(slice.byteLength, slice[0] ?? 0);
    const behind = chunks.slice(0, (slice[0] ?? 0) - 1);
    expect(behind.map((chunk) => chunk.byteLength)).toEqual(behind.map(() => 0));
  }
  expect(seen).toEqual([390, 1, 600, 1, 390, 2, 600, 2, 390, 3, 600, 3]);
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
