import { expect, test } from "bun:test";
import { debouncedStartMs, holdsKey, type KeyHolder } from "@millrace/core/dedup";

const HOLDER: KeyHolder = {
  kind: "dedup",
  isKept: true,
  isOpen: true,
  hasStarted: false,
  hasFailed: false,
  untilMs: null,
};
const holds = (change: Partial<KeyHolder>, nowMs = 1_000) => holdsKey({ ...HOLDER, ...change }, nowMs);

test("without a window a dedup key is held until its task is finished, also while it runs", () => {
  expect(holds({})).toBeTrue();
  expect(holds({ hasStarted: true })).toBeTrue();
  expect(holds({ isOpen: false, hasStarted: true })).toBeFalse();
});

test("with a window it is held until the window ends, finished or not, and not a moment longer", () => {
  for (const isOpen of [true, false]) {
    expect(holds({ isOpen, untilMs: 1_001 })).toBeTrue();
    expect(holds({ isOpen, untilMs: 1_000 })).toBeFalse();
  }
});

test("a debounce key is held until the first attempt starts", () => {
  expect(holds({ kind: "debounce" })).toBeTrue();
  expect(holds({ kind: "debounce", hasStarted: true })).toBeFalse();
  expect(holds({ kind: "debounce", isOpen: false })).toBeFalse();
});

test("what failed, was cancelled or is gone holds nothing, also when it was brought back", () => {
  for (const kind of ["dedup", "debounce"] as const)
    for (const change of [{ hasFailed: true }, { isKept: false }])
      expect(holds({ kind, untilMs: kind === "dedup" ? 9_999 : null, ...change })).toBeFalse();
});

test("each submission puts the start off, and never beyond the latest one", () => {
  expect(debouncedStartMs({ nowMs: 1_000, seconds: 2, latestMs: 9_000 })).toBe(3_000);
  expect(debouncedStartMs({ nowMs: 8_500, seconds: 2, latestMs: 9_000 })).toBe(9_000);
  expect(debouncedStartMs({ nowMs: 9_500, seconds: 2, latestMs: 9_000 })).toBe(9_000);
  expect(debouncedStartMs({ nowMs: 0, seconds: 0.5, latestMs: 9_000 })).toBe(500);
});
