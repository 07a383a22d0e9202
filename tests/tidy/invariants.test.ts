import { expect, test } from "bun:test";
import { invariantsAdrift } from "./invariants.ts";
import { readTree } from "./tree.ts";

const adrift = (source: string, tests: string) =>
  invariantsAdrift([
    { path: "packages/core/state.ts", text: source },
    { path: "tests/unit/core/state.test.ts", text: tests },
  ]);

test("every invariant of a task's life is named by a test, and every one that a test names is listed", () => {
  expect(invariantsAdrift(readTree())).toEqual([]);
});

test("an invariant without test is refused", () => {
  expect(adrift(" *  1. One.\n * 10. Ten.\n", 'test("invariant 1: one"')).toHaveLength(1);
});

test("a test of an invariant that is not listed is refused", () => {
  expect(adrift(" *  1. One.\n", 'test("invariant 1: one"); test("invariant 2: two"')).toHaveLength(1);
});

test("a list that has moved away is refused", () => {
  expect(adrift("// nothing", 'test("invariant 1: one"')).toHaveLength(1);
});
