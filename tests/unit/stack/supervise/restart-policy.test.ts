import { expect, test } from "bun:test";
import { HEALTHY_AFTER_MS, restartAfter } from "@millrace/stack/supervise/restart-policy";

function delaysOf(deaths: number, ranMs: number): readonly number[] {
  const delays: number[] = [];
  for (let before = 0; delays.length < deaths; ) {
    const restart = restartAfter(before, ranMs);
    delays.push(restart.delayMs);
    before = restart.deaths;
  }
  return delays;
}

test("each quick death doubles the wait, up to ten seconds", () => {
  expect(delaysOf(9, 10)).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
});

test("the wait stays bounded however often it dies", () => {
  expect(restartAfter(5_000, 0).delayMs).toBe(10_000);
});

test("a death after a healthy run counts as the first", () => {
  expect(restartAfter(7, HEALTHY_AFTER_MS)).toEqual({ deaths: 1, delayMs: 200 });
  expect(restartAfter(7, HEALTHY_AFTER_MS - 1).deaths).toBe(8);
});
