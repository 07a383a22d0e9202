import { describe, expect, test } from "bun:test";
import { uppercaseAscii } from "@millrace/worker/files/text/uppercase-ascii";
import { diceOf } from "../../../support/dice.ts";
import { runOperation, textOf } from "../../../support/file-operation.ts";

const MIXED = "\ufeffstraße ŉ ΐ ffi Ελλάς привет naïve ǆ ı i 日本語 😀 a\u0308 \u{10428} end\r\n";

test.each([
  ["straße", "STRASSE"],
  ["ŉ", "ʼN"],
  ["\u0390", "\u0399\u0308\u0301"],
  ["\ufb03", "FFI"],
  ["ς σ", "Σ Σ"],
  ["\u{10428}", "\u{10400}"],
  ["ı i İ", "I I İ"],
  ["already UPPER 123 @[`{", "ALREADY UPPER 123 @[`{"],
])("%p becomes %p", async (lower, upper) => {
  expect(await textOf("uppercase", { content: lower })).toBe(upper);
});

test("wherever the text is cut, the result is the same", async () => {
  const content = MIXED.repeat(3);
  for (const pieceBytes of [[1], [2], [3], [5], [7, 1, 64], [64, 3]])
    expect(await textOf("uppercase", { content, pieceBytes })).toBe(content.toUpperCase());
});

test("random text in random pieces (seed 4)", async () => {
  const dice = diceOf(4);
  const alphabet = [...MIXED];
  for (let round = 0; round < 50; round += 1) {
    const content = Array.from({ length: dice.between(0, 60) }, () => dice.pick(alphabet)).join("");
    const pieceBytes = Array.from({ length: 4 }, () => dice.between(1, 9));
    expect(await textOf("uppercase", { content, pieceBytes })).toBe(content.toUpperCase());
  }
});

test("an empty file has an empty result", async () => {
  expect(await runOperation("uppercase", { content: "" })).toMatchObject({
    summary: { bytes_in: 0, bytes_out: 0 },
    contentType: "text/plain; charset=utf-8",
    extension: null,
  });
});

describe("what is not UTF-8 is refused with its place", () => {
  test.each([
    ["a byte that begins nothing", [0x61, 0xff, 0x62], "byte 0xff at offset 1"],
    ["a continuation without beginning", [0x61, 0x62, 0x80], "byte 0x80 at offset 2"],
    ["an overlong form", [0xc0, 0xaf], "byte 0xc0 at offset 0"],
    ["half a surrogate pair", [0x61, 0xed, 0xa0, 0x80], "byte 0xed at offset 1"],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80], "byte 0xf4 at offset 0"],
    ["a character broken off by another", [0x61, 0xe2, 0x82, 0x61, 0x61], "byte 0xe2 at offset 1"],
    ["a character broken off by the end", [0x61, 0xe2, 0x82], "ends within a character, at byte 3"],
  ])("%s", async (_, bytes, message) => {
    for (const pieceBytes of [[1], [2], [3], [100]]) {
      const running = runOperation("uppercase", { content: new Uint8Array(bytes), pieceBytes });
      await expect(running).rejects.toMatchObject({ code: "INPUT_INVALID", isRetryable: false });
      await expect(running).rejects.toThrow(message);
    }
  });

  test("with a hint when it begins like UTF-16", async () => {
    const running = runOperation("uppercase", { content: new Uint8Array([0xff, 0xfe, 0x61, 0x00]) });
    await expect(running).rejects.toThrow("offset 0; it begins like UTF-16");
  });

  test("also far into the file", async () => {
    const content = new TextEncoder().encode("ä".repeat(1_000));
    content[1_500] = 0x41;
    const running = runOperation("uppercase", { content, pieceBytes: [101] });
    await expect(running).rejects.toThrow("byte 0xa4 at offset 1501");
  });
});

test("the fast way for ASCII changes a-z alone, at every alignment and length", () => {
  const all = Uint8Array.from({ length: 256 + 16 }, (_, n) => n & 0xff);
  for (let from = 0; from < 8; from += 1) {
    for (const length of [0, 1, 3, 4, 7, 128, 200, 256]) {
      const bytes = all.slice();
      const isHigh = uppercaseAscii(bytes.subarray(from, from + length));
      const wanted = all.map((byte, n) =>
        n >= from && n < from + length && byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte,
      );
      expect(bytes).toEqual(wanted);
      expect(isHigh).toBe(all.slice(from, from + length).some((byte) => byte >= 0x80));
    }
  }
});
