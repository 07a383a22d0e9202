import { expect, test } from "bun:test";
import { fromOf, readFilter, spanMs } from "@millrace/dashboard/page/pages/events/filter";

const NOW_MS = Date.UTC(2026, 0, 15, 12);

function filterOf(words: Readonly<Record<string, string>>) {
  return readFilter((name) => words[name] ?? "");
}

test("without words it is the last hour", () =>
  expect(fromOf(filterOf({}), NOW_MS)).toBe("2026-01-15T11:00:00.000Z"));

test("a chosen beginning counts more than a span", () =>
  expect(fromOf(filterOf({ span: "7d", from: "2026-01-01T00:00:00Z" }), NOW_MS)).toBe(
    "2026-01-01T00:00:00Z",
  ));

test.each([
  ["15m", 900_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["nonsense", 3_600_000],
])("%p is %p ms", (span, ms) => expect(spanMs(span)).toBe(ms));
