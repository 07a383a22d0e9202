import { expect, test } from "bun:test";
import { loadOf } from "@millrace/core";

const idle = { slots: 10, freeSlots: 10, cpuUsage: null, memoryUsage: null };

test("a worker that reports nothing is as loaded as its slots are taken", () => {
  expect(loadOf(idle)).toBe(0);
  expect(loadOf({ ...idle, freeSlots: 4 })).toBeCloseTo(0.6);
  expect(loadOf({ ...idle, freeSlots: 0 })).toBe(1);
});

test("it is as loaded as whatever it has least of", () => {
  expect(loadOf({ ...idle, freeSlots: 4, cpuUsage: 0.9, memoryUsage: 0.2 })).toBe(0.9);
  expect(loadOf({ ...idle, cpuUsage: 0.1, memoryUsage: 0.7 })).toBe(0.7);
});

test("nonsense is bounded, and no slots are none that are free", () => {
  expect(loadOf({ ...idle, cpuUsage: 7 })).toBe(1);
  expect(loadOf({ ...idle, cpuUsage: Number.NaN, memoryUsage: -3 })).toBe(0);
  expect(loadOf({ ...idle, slots: 0, freeSlots: 0 })).toBe(1);
});
