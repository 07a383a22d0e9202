import { expect, test } from "bun:test";
import { lineBlocks } from "@millrace/api/events/line-blocks";
import { EVENT_BYTES_MAX } from "@millrace/core/limits";
import fc from "fast-check";

async function blocksOf(text: string, cuts: readonly number[]): Promise<readonly string[]> {
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  async function* pieces() {
    for (const [index, start] of places.entries()) yield bytes.subarray(start, places[index + 1] ?? start);
  }
  return (await Array.fromAsync(lineBlocks(pieces()))).map((block) => Buffer.from(block).toString());
}

const lines = fc.array(
  fc.oneof(
    fc.constant(""),
    fc.string({ maxLength: 5 }).map((text) => text.replaceAll("\n", "")),
    fc.nat(90_000).map((size) => "é".repeat(size / 2)),
  ),
  { maxLength: 20 },
);

test("however the network cuts, the lines are the same, and no block ends within one", async () => {
  await fc.assert(
    fc.asyncProperty(lines, fc.array(fc.nat(2_000_000), { maxLength: 10 }), async (all, cuts) => {
      const text = all.join("\n");
      const blocks = await blocksOf(text, cuts);
      for (const block of blocks.slice(0, -1)) expect(block).toEndWith("\n");
      const found = blocks.join("").split("\n");
      const fits = (line: string) => Buffer.byteLength(line) <= EVENT_BYTES_MAX;
      expect(found.filter(fits)).toEqual(all.length === 0 ? [""] : all.filter(fits));
      expect(found.length).toBe(Math.max(1, all.length));
    }),
    { numRuns: 100 },
  );
});

test("of a line without an end, no more is kept than shows that it is too long", async () => {
  async function* endless() {
    for (let n = 0; n < 1_000; n++) yield Buffer.alloc(100_000, "x");
    yield Buffer.from("\nnext");
  }
  const blocks = await Array.fromAsync(lineBlocks(endless()));
  const [long, next] = Buffer.concat(blocks).toString().split("\n");
  expect(long?.length).toBe(EVENT_BYTES_MAX + 1);
  expect(next).toBe("next");
});
