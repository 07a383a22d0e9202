import { expect, test } from "bun:test";
import { makeTaskId } from "@millrace/client/task-id";
import { isTaskId } from "@millrace/core";

const NOW_MS = Date.UTC(2026, 0, 15, 12);

test("an id is a UUID of version 7 that the API takes", () => {
  const id = makeTaskId(NOW_MS);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(isTaskId(id)).toBe(true);
});

test("its first 48 bits are the time in ms", () => {
  const hex = makeTaskId(NOW_MS).replaceAll("-", "").slice(0, 12);
  expect(Number.parseInt(hex, 16)).toBe(NOW_MS);
});

test("ids made later sort later", () => {
  expect(makeTaskId(NOW_MS) < makeTaskId(NOW_MS + 1)).toBe(true);
});

test("ten thousand ids of one millisecond are all different", () => {
  const ids = Array.from({ length: 10_000 }, () => makeTaskId(NOW_MS));
  expect(new Set(ids).size).toBe(10_000);
});
