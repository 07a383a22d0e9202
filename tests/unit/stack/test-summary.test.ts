import { expect, test } from "bun:test";
import { addRuns, judgeTests, parseTestSummary } from "@millrace/stack/test-summary";

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

test("several runs count as one, and a run that crashed or ran nothing is not hidden by the others", () => {
  const good = { summary: { passed: 3, failed: 0 }, status: 0 };
  const bad = { summary: { passed: 2, failed: 2 }, status: 1 };
  expect(addRuns([good, good])).toEqual([{ passed: 6, failed: 0 }, 0]);
  expect(addRuns([good, bad])).toEqual([{ passed: 5, failed: 2 }, 1]);
  expect(addRuns([good, { summary: undefined, status: 139 }])).toEqual([{ passed: 3, failed: 1 }, 1]);
  expect(addRuns([good, { summary: { passed: 0, failed: 0 }, status: 0 }])).toEqual([
    { passed: 3, failed: 1 },
    1,
  ]);
  expect(addRuns([])).toEqual([undefined, 0]);
});
