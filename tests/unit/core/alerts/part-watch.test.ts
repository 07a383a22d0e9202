import { expect, test } from "bun:test";
import { PartWatch } from "@millrace/core/alerts/part-watch";
import { PART_DIED_TOLD_MS, PART_SILENT_MS_MAX, PART_START_MS_MAX } from "@millrace/core/limits";

const OWN = "me";

/** Hears ourselves and these instances of `worker` every second, from one time to another. */
function hear(watch: PartWatch, fromMs: number, toMs: number, instances: readonly string[]): void {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 1_000) {
    watch.hear({ name: "scheduler", instance: OWN }, nowMs);
    for (const instance of instances) watch.hear({ name: "worker", instance, facts: { seen: nowMs } }, nowMs);
  }
}

test("who beats is well, and who falls silent is missing within the time", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, 5_000, ["a"]);
  expect(watch.missing("worker", 5_000)).toBe(0);
  hear(watch, 6_000, 8_000, []);
  expect(watch.missing("worker", 5_000 + PART_SILENT_MS_MAX)).toBe(0);
  expect(watch.missing("worker", 5_000 + PART_SILENT_MS_MAX + 1)).toBe(1);
});

test("a death is told for a while, although another one took over at once", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, 5_000, ["a"]);
  hear(watch, 6_000, 9_000, ["b"]);
  expect(watch.missing("worker", 9_000)).toBe(1);
  hear(watch, 10_000, 16_000, ["b"]);
  expect(watch.missing("worker", 5_000 + PART_DIED_TOLD_MS + 1)).toBe(0);
});

test("who leaves in order is not missed until the grace is over", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, 5_000, ["a", "b"]);
  watch.leave({ name: "worker", instance: "a" }, 5_000);
  hear(watch, 6_000, 10_000, ["b"]);
  expect(watch.missing("worker", 10_000)).toBe(0);
  watch.leave({ name: "worker", instance: "b" }, 10_000);
  hear(watch, 11_000, 41_000, []);
  expect(watch.missing("worker", 10_000 + PART_START_MS_MAX)).toBe(0);
  expect(watch.missing("worker", 10_000 + PART_START_MS_MAX + 1)).toBe(1);
});

test("a part that never comes is missing once it had time to", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, PART_START_MS_MAX + 1_000, []);
  expect(watch.missing("worker", PART_START_MS_MAX)).toBe(0);
  expect(watch.missing("worker", PART_START_MS_MAX + 1)).toBe(1);
});

test("who does not hear itself is deaf, and afterwards everybody's silence begins anew", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, 5_000, ["a"]);
  expect([watch.isDeaf(6_500), watch.isDeaf(7_001)]).toEqual([false, true]);
  watch.hear({ name: "scheduler", instance: OWN }, 60_000);
  expect([watch.isDeaf(60_000), watch.missing("worker", 60_000)]).toEqual([false, 0]);
  hear(watch, 61_000, 64_000, []);
  expect(watch.missing("worker", 60_000 + PART_SILENT_MS_MAX + 1)).toBe(1);
});

test("the dead tell no facts", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, 5_000, ["a", "b"]);
  hear(watch, 6_000, 10_000, ["b"]);
  expect([...watch.facts("worker", 10_000)]).toEqual([["b", { seen: 10_000 }]]);
});

test("who came a moment ago may say that somebody is missing, and not that nobody died before", () => {
  const watch = new PartWatch(OWN, 0);
  hear(watch, 0, 1_000, ["b"]); // Its predecessor was killed before we came.
  expect(watch.isSure("worker", 1_000)).toBe(false);
  hear(watch, 2_000, 6_000, []);
  expect(watch.isSure("worker", 6_000)).toBe(true);
  hear(watch, 7_000, PART_DIED_TOLD_MS + 1_000, ["c"]);
  expect(watch.isSure("worker", PART_DIED_TOLD_MS + 1)).toBe(true);
});
