import { expect, test } from "bun:test";
import {
  agoWords,
  briefJson,
  bytesWords,
  countWords,
  durationWords,
  rateWords,
  shareWords,
  utcWords,
} from "@millrace/dashboard/page/parts/words";

test.each([
  [0.4, "0.4 ms"],
  [42, "42 ms"],
  [1_500, "1.5 s"],
  [60_000, "1 min"],
  [125_000, "2 min 5 s"],
  [3_600_000 * 3, "3 h"],
  [3_600_000 * 50, "2 d 2 h"],
])("%p ms is %p", (ms, words) => expect(durationWords(ms)).toBe(words));

test("zero is a number, and what is not known is a dash", () => {
  expect(countWords(0)).toBe("0");
  expect(rateWords(0)).toBe("0");
  expect(shareWords(0)).toBe("0 %");
  expect(shareWords(null)).toBe("–");
  expect(durationWords(null)).toBe("–");
});

test("a small share is not rounded away", () => expect(shareWords(0.004)).toBe("0.4 %"));

test("large counts are grouped, and millions short", () => {
  expect(countWords(12_345)).toBe("12\u202f345");
  expect(countWords(1_234_567)).toBe("1.2M");
});

test("times are before or after now", () => {
  expect(agoWords(0, 5_000)).toBe("5 s ago");
  expect(agoWords(125_000, 5_000)).toBe("in 2 min");
  expect(agoWords(1_000, 1_400)).toBe("now");
});

test("sizes have three digits at most", () => {
  expect([0, 999, 1_000, 123_456, 99_999_999].map(bytesWords)).toEqual([
    "0 B",
    "999 B",
    "1.0 KB",
    "123 KB",
    "100 MB",
  ]);
});

test("UTC is written as in the logs", () =>
  expect(utcWords(new Date(Date.UTC(2026, 0, 15, 12)))).toBe("2026-01-15 12:00:00.000 UTC"));

test("long JSON is cut, short JSON is not", () => {
  expect(briefJson({ a: 1 }, 20)).toBe('{"a":1}');
  expect(briefJson("x".repeat(50), 10)).toHaveLength(10);
});
