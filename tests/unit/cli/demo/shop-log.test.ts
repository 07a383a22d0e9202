import { expect, test } from "bun:test";
import { judgeRecord } from "@millrace/api/events/judge-record";
import { timeBoundsAt } from "@millrace/api/events/time-bounds";
import { shopLine } from "@millrace/cli/demo/shop-log";

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const DAY = { shop: "shop-1", type: "order", nowMs: NOW_MS };

test("each line is refused, or not, as it was foretold", () => {
  const refusals = new Set<string | undefined>();
  for (let n = 0; n < 5_000; n += 1) {
    const { text, refusal } = shopLine(DAY, n);
    expect<string | undefined>(judgeRecord(text, timeBoundsAt(NOW_MS))?.code).toBe(refusal);
    refusals.add(refusal);
  }
  expect([...refusals].map(String).sort()).toEqual([
    ...["BAD_JSON", "EVENT_TOO_NEW", "VALIDATION_FAILED", "undefined"],
  ]);
});

test("no two lines have the same id", () => {
  expect(new Set(Array.from({ length: 5_000 }, (_, n) => shopLine(DAY, n).id)).size).toBe(5_000);
});
