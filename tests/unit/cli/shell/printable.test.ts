import { expect, test } from "bun:test";
import { oneLine, printable } from "@millrace/cli/shell/printable";

test("what a terminal would obey becomes a space; line breaks stay", () => {
  expect(printable("a\u001b[31mb\u0007c\u009bd\r\ne\tf")).toBe("a [31mb c d \ne f");
});

test("letters, signs and emoji of any language stay", () => {
  expect(printable("Mühle 水車 🌊")).toBe("Mühle 水車 🌊");
});

test("one line is one line, and is cut where it says so", () => {
  expect(oneLine(" a\n\n b\t c ")).toBe("a b c");
  expect(oneLine("abcdef", 4)).toBe("abc…");
  expect(oneLine("abcd", 4)).toBe("abcd");
});

test("a cut never leaves half a character", () => {
  expect(oneLine("ab🌊cd", 4).isWellFormed()).toBe(true);
});
