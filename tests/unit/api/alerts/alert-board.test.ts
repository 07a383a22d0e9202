import { expect, test } from "bun:test";
import { AlertBoard } from "@millrace/api/alerts/alert-board";
import type { AlertRecord } from "@millrace/protocol/alerts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const at = (minutesAgo: number) => new Date(NOW - minutesAgo * 60_000).toISOString();

function record(id: string, more: Partial<AlertRecord> = {}): AlertRecord {
  return {
    ...{ id, rule: "queue_age", severity: "warning", state: "firing", since: at(30), resolved_at: null },
    ...{ summary: id, value: 1, threshold: 1, labels: {} },
    ...more,
  };
}

const boardOf = (written: readonly AlertRecord[], unwritten: readonly AlertRecord[] = []) =>
  new AlertBoard({ written: () => written, unwritten: () => unwritten, wallMs: () => NOW });

test("what fires comes first, the worst and the newest of it first; then what was resolved last", () => {
  const board = boardOf([
    record("resolved early", { state: "resolved", resolved_at: at(20) }),
    record("old"),
    record("resolved late", { state: "resolved", resolved_at: at(5) }),
    record("new", { since: at(1) }),
    record("critical", { severity: "critical", since: at(60) }),
  ]);
  expect(board.list().map(({ id }) => id)).toEqual([
    "critical",
    "new",
    "old",
    "resolved late",
    "resolved early",
  ]);
});

test("the dashboard shows what was resolved for a quarter of an hour", () => {
  const board = boardOf([
    record("early", { state: "resolved", resolved_at: at(20) }),
    record("late", { state: "resolved", resolved_at: at(5) }),
  ]);
  expect(board.shown().map(({ id }) => id)).toEqual(["late"]);
  expect(board.shown()[0]).not.toHaveProperty("resolved_at");
});

test("what this process sees by itself counts more than what is written", () => {
  const board = boardOf(
    [record("nats", { state: "resolved", resolved_at: at(5) })],
    [record("nats", { since: at(0) })],
  );
  expect(board.list()).toMatchObject([{ id: "nats", state: "firing" }]);
});
