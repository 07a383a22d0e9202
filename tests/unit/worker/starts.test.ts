import { expect, test } from "bun:test";
import { Starts } from "@millrace/worker/starts";

/** Whether it has resolved by now. */
async function isOver(waiting: Promise<void>): Promise<boolean> {
  return await Promise.race([waiting.then(() => true), Bun.sleep(0).then(() => false)]);
}

test("with none that is about to start there is nothing to wait for", async () => {
  const starts = new Starts();
  starts.begin()();
  expect(await isOver(starts.settled())).toBe(true);
});

test("it waits for all that are about to start, and for none that comes later", async () => {
  const starts = new Starts();
  const [first, second] = [starts.begin(), starts.begin()];
  const waiting = starts.settled();
  starts.begin();
  first();
  first(); // Claimed, and then over: both say so.
  expect(await isOver(waiting)).toBe(false);
  second();
  expect(await isOver(waiting)).toBe(true);
});

test("several that wait are each told in their turn", async () => {
  const starts = new Starts();
  const first = starts.begin();
  const early = starts.settled();
  const second = starts.begin();
  const late = starts.settled();
  first();
  expect([await isOver(early), await isOver(late)]).toEqual([true, false]);
  second();
  expect(await isOver(late)).toBe(true);
});
