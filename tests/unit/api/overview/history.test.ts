import { expect, test } from "bun:test";
import { History } from "@millrace/api/overview/history";

const START_MS = Date.UTC(2026, 0, 15, 12);

function historyAt() {
  const clock = { ms: START_MS };
  return { clock, history: new History(() => clock.ms) };
}

test("an hour is 360 buckets without holes, the newest last", () => {
  const { history } = historyAt();
  history.note("completed", 3);
  const view = history.view();
  expect(view).toHaveLength(360);
  expect(view.at(-1)).toMatchObject({ start: "2026-01-15T12:00:00.000Z", completed: 3, pending: null });
  expect(view[0]?.completed).toBe(0);
});

test("what is older than an hour is forgotten", () => {
  const { clock, history } = historyAt();
  history.note("failed", 5);
  clock.ms += 3_600_000;
  history.note("failed", 1);
  expect(history.sums().failed).toBe(1);
});

test("rates are means of a minute, and the share of failures counts attempts", () => {
  const { clock, history } = historyAt();
  history.note("completed", 60);
  history.note("retried", 20);
  clock.ms += 9_999;
  expect(history.rates().completed_per_s).toBeCloseTo(1, 1);
  expect(history.errorRate()).toBeCloseTo(0.25);
  clock.ms += 600_000;
  expect(history.rates().completed_per_s).toBe(0);
  expect(history.errorRate()).toBeNull();
});

test("the database fills in what was not heard, and nothing is counted twice", () => {
  const { history } = historyAt();
  history.note("completed", 2);
  history.note("retried", 3);
  const row = (startMs: number, kind: "submitted" | "completed" | "dead" | "failed", bin: number | null) => ({
    ...{ startMs, kind, bin, count: 7 },
  });
  const rows = [
    row(START_MS, "completed", 20), // Five of them ended before anybody listened.
    row(START_MS - 10_000, "completed", 20),
    row(START_MS - 10_000, "dead", null),
    row(START_MS - 10_000, "failed", 40),
    row(START_MS - 10_000, "submitted", null),
  ];
  history.fillIn(rows);
  expect(history.sums()).toEqual({ completed: 14, failed: 7, retried: 10, submitted: 7 });
  expect(history.view(2)[0]?.p50).not.toBeNull();
  history.fillIn(rows);
  expect(history.sums()).toEqual({ completed: 14, failed: 7, retried: 10, submitted: 7 });
});

test("how much waits is kept while nobody watches, and what was counted here goes before what was told", () => {
  const { clock, history } = historyAt();
  history.noteDepthTold({ pending: 40, running: 4 });
  clock.ms += 10_000;
  history.noteDepth({ pending: 30, running: 3 });
  history.noteDepthTold({ pending: 99, running: 9 });
  history.note("completed", 5);
  history.forgetMovements();
  expect(history.view(2)).toMatchObject([
    { pending: 40, running: 4, completed: 0 },
    { pending: 30, running: 3, completed: 0 },
  ]);
});
