import { describe, expect, test } from "bun:test";
import { predictSimulated } from "@millrace/cli/demo/predict";
import { simulatedFailure } from "@millrace/core";

const DICE = { seed: "7", failureRate: 0.3, maxAttempts: 3 };
const IDS = Array.from({ length: 2_000 }, (_, index) => `task-${index}`);

function fails(taskId: string, attempt: number): boolean {
  return simulatedFailure({ seed: DICE.seed, failureRate: DICE.failureRate, taskId, attempt });
}

describe("the end of a simulated task", () => {
  test("is its first attempt that does not fail", () => {
    const taskId = IDS.find((id) => fails(id, 1) && !fails(id, 2)) ?? "";
    expect(predictSimulated({ ...DICE, taskId })).toEqual({ status: "completed", attempt: 2 });
  });

  test("is death at the last allowed failure, even if the next attempt would not fail", () => {
    const taskId = IDS.find((id) => fails(id, 1) && fails(id, 2) && fails(id, 3) && !fails(id, 4)) ?? "";
    expect(predictSimulated({ ...DICE, taskId })).toEqual({ status: "failed", attempt: 3 });
  });

  test("skips attempts that were lost with their worker: they roll no dice and count as no failure", () => {
    const taskId = IDS.find((id) => fails(id, 1) && fails(id, 2) && fails(id, 3) && !fails(id, 4)) ?? "";
    const voidAttempts = new Set([2]);
    expect(predictSimulated({ ...DICE, taskId, voidAttempts })).toEqual({ status: "completed", attempt: 4 });
  });

  test("is death for about 27 in 1000 at 30 % and three attempts", () => {
    const dead = IDS.filter((taskId) => predictSimulated({ ...DICE, taskId }).status === "failed").length;
    expect(dead).toBeGreaterThan(30);
    expect(dead).toBeLessThan(80);
  });
});
