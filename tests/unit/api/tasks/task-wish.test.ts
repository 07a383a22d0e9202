import { describe, expect, test } from "bun:test";
import { compiledTaskWish } from "@millrace/api/tasks/task-wish";

const takes = (fields: Readonly<Record<string, unknown>>): boolean =>
  compiledTaskWish.Check({ task_type: "a", ...fields });

describe("the schema of a task", () => {
  test.each([
    [
      "task_id",
      ["a", "A-1_b.c:d", "x".repeat(128), "0"],
      ["", "-a", "a b", "a/b", "é", "a\n", "x".repeat(129), 7, null],
    ],
    [
      "task_type",
      ["a", "http.request", "a.b-c.D_1", "x".repeat(64)],
      ["", ".a", "a.", "a..b", "a.*", ">", "a b", "a.>", "x".repeat(65)],
    ],
    ["priority", [1, 10], [0, 11, 1.5, "5", null]],
    ["timeout", [1, 1.5, 86_400], [0, 0.9, 86_401, "30", Number.POSITIVE_INFINITY]],
    ["lane", ["short", "long"], ["fast", "", null]],
    ["max_attempts", [1, 100], [0, 101, 1.5]],
    ["delay", [0, 0.5, 366 * 86_400], [-1, 366 * 86_400 + 1]],
    ["tenant", ["a", "acme:eu"], ["", " a", "x".repeat(65)]],
    [
      "backoff",
      [{}, { initial_ms: 0, factor: 10, max_ms: 86_400_000, jitter: false }],
      [
        null,
        { factor: 0.5 },
        { factor: 11 },
        { initial_ms: -1 },
        { initial_ms: 1.5 },
        { max_ms: 86_400_001 },
        { jitter: 1 },
        { base: 1 },
      ],
    ],
    ["dependencies", [[], ["a"]], ["a", [1], Array.from({ length: 1_001 }, () => "a")]],
    ["payload", [null, 0, "", [], {}, false], []],
  ] as const)("has the bounds of %s that it promises", (field, right, wrong) => {
    for (const value of right)
      expect({ value, takes: takes({ [field]: value }) }).toEqual({ value, takes: true });
    for (const value of wrong)
      expect({ value, takes: takes({ [field]: value }) }).toEqual({ value, takes: false });
  });

  test("refuses what it does not know, and what is no object", () => {
    expect(takes({ status: "completed" })).toBe(false);
    for (const value of [null, [], "a", 1, {}]) expect(compiledTaskWish.Check(value)).toBe(false);
  });
});
