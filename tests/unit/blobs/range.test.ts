import { expect, test } from "bun:test";
import { spanOf } from "@millrace/blobs/range";

test.each([
  [undefined, 0, { start: 0, length: 0 }],
  [undefined, 9, { start: 0, length: 9 }],
  [{ start: 0 }, 9, { start: 0, length: 9 }],
  [{ start: 8 }, 9, { start: 8, length: 1 }],
  [{ start: 2, end: 2 }, 9, { start: 2, length: 1 }],
  [{ start: 2, end: 99 }, 9, { start: 2, length: 7 }],
])("%j of %d bytes", (range, bytes, span) => {
  expect(spanOf(range, bytes)).toEqual(span);
});

test.each([
  [{ start: 0 }, 0],
  [{ start: 9 }, 9],
  [{ start: -1 }, 9],
  [{ start: 3, end: 2 }, 9],
  [{ start: 0.5 }, 9],
  [{ start: 0, end: Number.NaN }, 9],
  [{ start: Number.POSITIVE_INFINITY }, 9],
])("%j of %d bytes is refused", (range, bytes) => {
  expect(() => spanOf(range, bytes)).toThrow(RangeError);
});
