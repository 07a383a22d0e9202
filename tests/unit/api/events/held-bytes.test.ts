import { expect, test } from "bun:test";
import { HeldBytes } from "@millrace/api/events/held-bytes";

const refusal = expect.objectContaining({ code: "EVENTS_BACKLOG", retryAfterS: 1 });

test("no more is given out than there is, and what is released can be had again", () => {
  const held = new HeldBytes(100);
  const first = held.reserve(60);
  expect(() => held.reserve(41)).toThrow(refusal);
  const second = held.reserve(40);
  expect(() => first.add(1)).toThrow(refusal);
  expect(held.bytes).toBe(100);
  first.release();
  first.release();
  expect(held.bytes).toBe(40);
  second.add(60);
  second.release();
  expect(held.bytes).toBe(0);
});
