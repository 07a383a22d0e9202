import { expect, test } from "bun:test";
import { Lines } from "@millrace/stack/supervise/lines";

function linesOf(chunks: readonly Uint8Array[]): readonly string[] {
  const found: string[] = [];
  const lines = new Lines((line) => found.push(line));
  for (const chunk of chunks) lines.add(chunk);
  return found;
}

test("lines come out whole however the bytes arrive", () => {
  const bytes = new TextEncoder().encode("one\nzwölf €\n\nlast");
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.slice(at * size, (at + 1) * size),
    );
    expect(linesOf(chunks)).toEqual(["one", "zwölf €", ""]);
  }
});

test("a line without an end does not grow for ever", () => {
  const megabyte = new Uint8Array(1024 * 1024).fill(97);
  const [line = ""] = linesOf([megabyte, megabyte, new TextEncoder().encode("\n")]);
  expect(line.length).toBe(64 * 1024);
});
