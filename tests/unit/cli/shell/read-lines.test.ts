import { expect, test } from "bun:test";
import { readLines } from "@millrace/cli/shell/read-lines";
import { REQUEST_BYTES_MAX } from "@millrace/client/bounds";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(text: string, size: number): Promise<readonly (readonly [number, string])[]> {
  const found: [number, string][] = [];
  for await (const { number, text: line } of readLines(pieces(new TextEncoder().encode(text), size)))
    found.push([number, line]);
  return found;
}

test("lines are the same however their bytes come, and count from 1", async () => {
  for (const size of [1, 2, 3, 100])
    expect(await linesOf("ä\n\n€😀\nlast", size)).toEqual([
      [1, "ä"],
      [2, ""],
      [3, "€😀"],
      [4, "last"],
    ]);
});

test("a newline at the end begins no further line", async () => {
  expect(await linesOf("a\n", 100)).toEqual([[1, "a"]]);
  expect(await linesOf("", 100)).toEqual([]);
});

test("a line that fits into no request is refused before it is read to its end", async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array, void, void> {
    for (; given < 1_000; given += 1) yield new Uint8Array(1024 * 1024).fill(0x78);
  }
  const read = async () => {
    for await (const { number } of readLines(endless())) throw new Error(`there was a line ${number}`);
  };
  await expect(read()).rejects.toThrow("line 1 has more than");
  expect(given).toBeLessThanOrEqual(REQUEST_BYTES_MAX / (1024 * 1024) + 1);
});
