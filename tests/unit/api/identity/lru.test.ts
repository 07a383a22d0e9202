import { expect, test } from "bun:test";
import { Lru } from "@millrace/api/identity/lru";

test("the entry that was used longest ago goes first", () => {
  const lru = new Lru<string, number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.get("a");
  lru.set("c", 3);
  expect([lru.get("a"), lru.get("b"), lru.get("c"), lru.size]).toEqual([1, undefined, 3, 2]);
});

test("setting an entry again uses it, and takes no more room", () => {
  const lru = new Lru<string, number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.set("a", 10);
  lru.set("c", 3);
  expect([lru.get("a"), lru.get("b")]).toEqual([10, undefined]);
});

test("it never holds more than its bound", () => {
  const lru = new Lru<number, number>(10);
  for (let n = 0; n < 1_000; n += 1) lru.set(n, n);
  expect(lru.size).toBe(10);
});

test("deleteWhere removes exactly what matches", () => {
  const lru = new Lru<number, number>(10);
  for (let n = 0; n < 6; n += 1) lru.set(n, n);
  lru.deleteWhere((value) => value % 2 === 0);
  expect([0, 1, 2, 3, 4, 5].map((n) => lru.get(n))).toEqual([undefined, 1, undefined, 3, undefined, 5]);
});
