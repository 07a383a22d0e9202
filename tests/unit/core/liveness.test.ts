import { expect, test } from "bun:test";
import { livenessOf } from "@millrace/core/liveness";

const INTERVAL_MS = 30_000;

test.each([
  [0, "alive"],
  [INTERVAL_MS, "alive"],
  [2 * INTERVAL_MS - 1, "alive"],
  [2 * INTERVAL_MS, "unhealthy"],
  [3 * INTERVAL_MS - 1, "unhealthy"],
  [3 * INTERVAL_MS, "dead"],
  [Number.POSITIVE_INFINITY, "dead"],
] as const)("a worker that has been silent for %d ms of 30 s beats is %s", (silentMs, liveness) => {
  expect(livenessOf(silentMs, INTERVAL_MS)).toBe(liveness);
});

test("a beat from the future, by another clock, is a beat", () => {
  expect(livenessOf(-5_000, INTERVAL_MS)).toBe("alive");
});
