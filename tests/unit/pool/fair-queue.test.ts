import { expect, test } from "bun:test";
import { FairQueue } from "@millrace/pool";

const nobodyRuns = () => 0;

function takeAll(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(nobodyRuns); item !== undefined; item = queue.take(nobodyRuns)) taken.push(item);
  return taken;
}

function queueOf(items: readonly string[], itemsMax = 100): FairQueue<string> {
  const queue = new FairQueue<string>(itemsMax);
  for (const item of items) queue.push(item.slice(0, 1), item);
  return queue;
}

test("owners take turns, each in the order of arrival", () => {
  expect(takeAll(queueOf(["a1", "a2", "a3", "b1", "c1", "b2"]))).toEqual([
    "a1",
    "b1",
    "c1",
    "a2",
    "b2",
    "a3",
  ]);
});

test("who has fewer running is served first, whoever was served last", () => {
  const queue = queueOf(["a1", "a2", "b1", "b2"]);
  const running = new Map([["a", 2]]);
  const runningOf = (owner: string) => running.get(owner) ?? 0;
  expect([queue.take(runningOf), queue.take(runningOf)]).toEqual(["b1", "b2"]);
  expect(queue.take(runningOf)).toBe("a1");
});

test("a full queue refuses, and takes again once there is room", () => {
  const queue = queueOf(["a1", "b1"], 2);
  expect(queue.push("c", "c1")).toBe(false);
  expect(queue.take(nobodyRuns)).toBe("a1");
  expect(queue.push("c", "c1")).toBe(true);
  expect(takeAll(queue)).toEqual(["b1", "c1"]);
});

test("what was removed does not come, and cannot be removed twice", () => {
  const queue = queueOf(["a1", "a2", "b1"]);
  expect(queue.remove("a", "a1")).toBe(true);
  expect(queue.remove("a", "a1")).toBe(false);
  expect(queue.remove("b", "b1")).toBe(true);
  expect(queue.size).toBe(1);
  expect(takeAll(queue)).toEqual(["a2"]);
});

test("an empty queue gives nothing", () => {
  expect(new FairQueue<string>(1).take(nobodyRuns)).toBeUndefined();
});
