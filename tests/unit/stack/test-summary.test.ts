import { expect, test } from "bun:test";
import { judgeTests, parseTestSummary } from "@millrace/stack/test-summary";

test("the summary is read at the end of the output, with colours and without", () => {
  expect(parseTestSummary("(pass) x\n\n 3 pass\n 2 fail\n 1 error\n 4 expect() calls\n")).toEqual({
    passed: 3,
    failed: 2,
  });
  expect(parseTestSummary("\n\u001b[32m 12 pass\u001b[0m\n\u001b[2m 0 fail\u001b[0m\n")).toEqual({
    passed: 12,
    failed: 0,
  });
});

test("a test that prints such lines does not change the count", () => {
  expect(parseTestSummary(" 99 pass\n 99 fail\nmore\n 1 pass\n 0 fail\nRan 1 test\n")).toEqual({
    passed: 1,
    failed: 0,
  });
});

test("output without a summary has none", () => {
  expect(parseTestSummary("Killed\n")).toBeUndefined();
});

test.each([
  [{ passed: 3, failed: 0 }, 0, "3 passed, 0 failed", 0],
  [{ passed: 3, failed: 2 }, 1, "3 passed, 2 failed", 1],
  [{ passed: 3, failed: 0 }, 1, "3 passed, 1 failed", 1],
  [{ passed: 0, failed: 0 }, 0, "0 passed, 1 failed", 1],
  [undefined, 137, "0 passed, 1 failed", 1],
] as const)("%p and status %p give %p", (summary, status, line, exitStatus) => {
  expect(judgeTests(summary, status)).toEqual({ line, exitStatus });
});
