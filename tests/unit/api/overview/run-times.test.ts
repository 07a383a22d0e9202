import { expect, test } from "bun:test";
import { RunTimes } from "@millrace/api/overview/run-times";

test("a quantile is at most a tenth beside the truth, from a tenth of a millisecond to hours", () => {
  for (const ms of [0.1, 0.7, 3, 42, 999, 12_345, 3_600_000]) {
    const times = new RunTimes();
    times.add(ms);
    const found = times.quantile(0.5) ?? 0;
    expect(Math.abs(found - ms) / ms).toBeLessThan(0.12);
  }
});

test("quantiles keep their order, and see the slow few", () => {
  const times = new RunTimes();
  for (let i = 0; i < 90; i++) times.add(10);
  for (let i = 0; i < 10; i++) times.add(1_000);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => times.quantile(share) ?? 0);
  expect(p50).toBeLessThan(12);
  expect(p95).toBeGreaterThan(800);
  expect(p99).toBe(p95);
});

test("without run times there is no quantile", () => {
  expect(new RunTimes().quantile(0.5)).toBeNull();
});

test("what is beyond the scale is counted at its ends", () => {
  const times = new RunTimes();
  times.add(0);
  times.add(1e12);
  expect(times.quantile(0.5)).toBeLessThan(0.2);
  expect(times.quantile(1)).toBeGreaterThan(3_600_000);
});

test("times that were counted elsewhere, on the same scale, are as good as own ones", () => {
  const [own, counted] = [new RunTimes(), new RunTimes()];
  own.add(100);
  counted.addCounted(Math.floor(Math.log2(100 / 0.1) * 4), 1);
  expect(counted.quantile(0.5)).toBe(own.quantile(0.5));
});
