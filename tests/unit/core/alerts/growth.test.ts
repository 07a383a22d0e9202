import { expect, test } from "bun:test";
import { Growth } from "@millrace/core/alerts/growth";

test("what grew within the span counts, and what grew before does not", () => {
  const growth = new Growth(60_000);
  growth.add(5, 0);
  growth.add(7, 50_000);
  expect([growth.within(50_000), growth.within(60_001), growth.within(110_001)]).toEqual([12, 7, 0]);
});

test("counts of processes count by what they gained; who comes anew begins at its first count", () => {
  const growth = new Growth(60_000);
  growth.note("a", 1_000, 0);
  growth.note("b", 10, 0);
  expect(growth.within(0)).toBe(0);
  growth.note("a", 1_004, 1);
  growth.note("b", 11, 1);
  growth.note("b again", 500, 2);
  expect(growth.within(2)).toBe(5);
});

test("a million events in one moment are one step", () => {
  const growth = new Growth(60_000);
  for (let event = 0; event < 1_000_000; event += 1) growth.add(1, event / 1_000);
  expect(growth.within(1_000)).toBe(1_000_000);
});
