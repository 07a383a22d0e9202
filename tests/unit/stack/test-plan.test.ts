import { expect, test } from "bun:test";
import { planTests } from "@millrace/stack/test-plan";

test("chaos runs file by file beside the small tests, and stories run alone", () => {
  const files = [
    "tests/chaos/a.test.ts",
    "tests/chaos/b.test.ts",
    "tests/flow/c.test.ts",
    "tests/unit/d.test.ts",
  ];
  expect(planTests(files)).toEqual({
    beside: [["tests/unit/d.test.ts"], ["tests/chaos/a.test.ts"], ["tests/chaos/b.test.ts"]],
    alone: ["tests/flow/c.test.ts"],
  });
});

test("no file is forgotten, and none runs twice", () => {
  const files = ["tests/x.test.ts", "tests/bench/y.test.ts", "tests/flow/z.test.ts", "tests/chaos/w.test.ts"];
  const { beside, alone } = planTests(files);
  expect([...beside.flat(), ...alone].sort()).toEqual([...files].sort());
});
