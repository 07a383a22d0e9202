import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import { parseSimulate } from "@millrace/protocol/task-types/index";

function parsed(payload: Json) {
  const result = parseSimulate(payload);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value;
}

test("an empty payload waits for nothing and fails three times in ten", () => {
  expect(parsed({})).toEqual({
    durationMs: 0,
    failureRate: 0.3,
    seed: undefined,
    error: "simulated failure",
    isCrash: false,
  });
});

test("zero is a rate, not an absent one", () => {
  expect(parsed({ failure_rate: 0, seed: 0 })).toMatchObject({ failureRate: 0, seed: "0" });
});

test("a number and its text are the same seed", () => {
  expect(parsed({ seed: 42 }).seed).toBe(parsed({ seed: "42" }).seed ?? "");
});

test("a crash is certain unless a rate is given", () => {
  expect(parsed({ crash: true }).failureRate).toBe(1);
  expect(parsed({ crash: true, failure_rate: 0.5 }).failureRate).toBe(0.5);
});

describe("refuses, naming the field:", () => {
  const table: [payload: Json, path: string][] = [
    [[], "/payload"],
    [null, "/payload"],
    [{ duration: 5 }, "/payload/duration"],
    [{ duration_ms: -1 }, "/payload/duration_ms"],
    [{ duration_ms: 0.5 }, "/payload/duration_ms"],
    [{ duration_ms: "5" }, "/payload/duration_ms"],
    [{ duration_ms: 86_400_001 }, "/payload/duration_ms"],
    [{ failure_rate: 1.1 }, "/payload/failure_rate"],
    [{ failure_rate: -0.1 }, "/payload/failure_rate"],
    [{ failure_rate: true }, "/payload/failure_rate"],
    [{ seed: 1.5 }, "/payload/seed"],
    [{ seed: {} }, "/payload/seed"],
    [{ seed: "x".repeat(129) }, "/payload/seed"],
    [{ error: 1 }, "/payload/error"],
    [{ error: "x".repeat(2_001) }, "/payload/error"],
    [{ crash: "yes" }, "/payload/crash"],
  ];
  for (const [payload, path] of table)
    test(JSON.stringify(payload).slice(0, 60), () => {
      const result = parseSimulate(payload);
      expect(result.ok ? [] : result.errors.map((problem) => problem.path)).toEqual([path]);
    });
});
