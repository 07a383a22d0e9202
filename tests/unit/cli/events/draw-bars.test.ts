import { expect, test } from "bun:test";
import { drawBar } from "@millrace/cli/events/draw-bars";

test("a bar is as long as its share", () => {
  expect(drawBar(10, 10, 4)).toBe("████");
  expect(drawBar(5, 10, 4)).toBe("██");
  expect(drawBar(1, 32, 4)).toBe("▏");
  expect(drawBar(15, 16, 2)).toBe("█▉");
});

test("what is not nothing is seen, and nothing is not", () => {
  expect(drawBar(1, 1_000_000, 40)).toBe("▏");
  expect(drawBar(0, 10, 40)).toBe("");
  expect(drawBar(0, 0, 40)).toBe("");
});
