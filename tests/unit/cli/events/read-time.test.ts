import { expect, test } from "bun:test";
import { readTime } from "@millrace/cli/events/read-time";

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const read = (text: string | undefined) => readTime("from", text, NOW_MS);

test("a span is that long before now", () => {
  expect(read("90s")).toBe("2026-01-15T11:58:30.000Z");
  expect(read("15m")).toBe("2026-01-15T11:45:00.000Z");
  expect(read("2h")).toBe("2026-01-15T10:00:00.000Z");
  expect(read("1d")).toBe("2026-01-14T12:00:00.000Z");
  expect(read("0m")).toBe(read("now"));
});

test("a time is itself, in UTC; a day is its beginning", () => {
  expect(read("2026-01-31T12:00:00Z")).toBe("2026-01-31T12:00:00.000Z");
  expect(read("2026-01-31T12:00+02:00")).toBe("2026-01-31T10:00:00.000Z");
  expect(read("2026-01-31")).toBe("2026-01-31T00:00:00.000Z");
});

test("what is not given stays so", () => {
  expect(read(undefined)).toBeUndefined();
});

test("anything else is refused, with what is possible", () => {
  const wrong = ["", "yesterday", "15", "m", "-5m", "1.5h", "2w", "2026", "2026-13-01T00:00:00Z", "12:00"];
  for (const text of [...wrong, "2026-01-31T12:00:00", "9999999d", "100000d"])
    expect(() => read(text)).toThrow(/--from must be .*15m/);
});
