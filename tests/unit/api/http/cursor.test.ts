import { expect, test } from "bun:test";
import { cursorAfter, readCursor } from "@millrace/api/http/cursor";
import { Fault } from "@millrace/core";
import * as fc from "fast-check";

test("what was given out is read again, for every id there can be", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (seq) => expect(readCursor(cursorAfter(seq))).toBe(seq)));
  expect(readCursor(cursorAfter(Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER);
});

test("no cursor is no cursor", () => {
  expect(readCursor(undefined)).toBeUndefined();
});

test.each([
  "",
  "c",
  "c-1",
  "c1.5",
  "cA",
  "x1",
  "1",
  "c1\n",
  "c 1",
  "czzzzzzzzzzz",
  "czzzzzzzzzzzz",
  "c2gosa7pa2gw",
])("%p is refused by name", (text) => {
  let fault: unknown;
  try {
    readCursor(text);
  } catch (error) {
    fault = error;
  }
  if (!(fault instanceof Fault)) throw new Error(`it was read as ${readCursor(text)}`);
  expect([fault.code, fault.errors[0]?.path]).toEqual(["VALIDATION_FAILED", "/cursor"]);
});
