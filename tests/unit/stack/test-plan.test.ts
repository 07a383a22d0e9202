import { expect, test } from "bun:test";
import { planTests } from "@millrace/stack/test-plan";

const MARKED = '// Runs alone: it compares times.\nimport { test } from "bun:test";\n';

test("small tests are one run, chaos goes file by file, stories are dealt into groups, and what measures comes last", () => {
  const stories = Array.from({ length: 8 }, (_, n) => `tests/flow/story-${n}.test.ts`);
  const files = ["tests/chaos/a.test.ts", "tests/chaos/b.test.ts", ...stories, "tests/unit/d.test.ts"];
  const read = (file: string) => (file.endsWith("story-7.test.ts") ? MARKED : "");
  expect(planTests(files, read)).toEqual({
    beside: [
      ["tests/unit/d.test.ts"],
      ["tests/chaos/a.test.ts"],
      ["tests/chaos/b.test.ts"],
      [0, 2, 4, 6].map((n) => stories[n] ?? ""),
      [1, 3, 5].map((n) => stories[n] ?? ""),
    ],
    alone: ["tests/flow/story-7.test.ts"],
  });
});

test("no file is forgotten, and none runs twice", () => {
  const files = ["tests/x.test.ts", "tests/bench/y.test.ts", "tests/flow/z.test.ts", "tests/chaos/w.test.ts"];
  for (const text of ["", MARKED]) {
    const { beside, alone } = planTests(files, () => text);
    expect([...beside.flat(), ...alone].sort()).toEqual([...files].sort());
  }
});

test("the mark counts among the first lines only", () => {
  const read = () => `${" ".repeat(1_000)}${MARKED}`;
  expect(planTests(["tests/flow/z.test.ts"], read).alone).toEqual([]);
});
