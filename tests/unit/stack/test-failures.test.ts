import { expect, test } from "bun:test";
import { describeFailures, findFailures, lastWords } from "@millrace/stack/test-failures";

const OUTPUT = `bun test v1.4.5

tests/unit/a.test.ts:
(pass) one [0.10ms]
3 | expect(1).toBe(2);
error: expect(received).toBe(expected)
\u001b[31m(fail)\u001b[0m two > a name (with [brackets]) [1.25ms]
(pass) three

tests/flow/b.test.ts:
error: it took too long
(fail) four [30001.00ms]

2 tests failed:
(fail) two > a name (with [brackets]) [1.25ms]
(fail) four [30001.00ms]

 2 pass
 2 fail
`;

test("each failure is found once, in its file, with what was said since the test before it", () => {
  expect(findFailures(OUTPUT)).toEqual([
    {
      file: "tests/unit/a.test.ts",
      lines: [
        "3 | expect(1).toBe(2);",
        "error: expect(received).toBe(expected)",
        "(fail) two > a name (with [brackets]) [1.25ms]",
      ],
    },
    { file: "tests/flow/b.test.ts", lines: ["error: it took too long", "(fail) four [30001.00ms]"] },
  ]);
});

test("where nothing failed there is nothing to say", () => {
  expect(findFailures("tests/a.test.ts:\n(pass) (fail) is only in its name\n 1 pass\n 0 fail\n")).toEqual([]);
  expect(describeFailures([])).toBe("");
});

test("of endless output before a failure the end is kept, and of endless failures the beginning", () => {
  const talk = Array.from({ length: 5_000 }, (_, n) => `line ${n}`).join("\n");
  const [failure] = findFailures(`tests/a.test.ts:\n${talk}\n(fail) x\n`);
  expect(failure?.lines.length).toBeLessThanOrEqual(60);
  expect(failure?.lines.at(-2)).toBe("line 4999");
  const many = Array.from({ length: 1_000 }, (_, n) => ({ file: "tests/a.test.ts", lines: [`(fail) ${n}`] }));
  const said = describeFailures(many);
  expect(said).toContain("(fail) 0\n");
  expect(said).toContain("and 960 more");
  expect(said.split("\n").length).toBeLessThan(200);
});

test("a run that broke without a failed test is told by its last lines", () => {
  expect(lastWords("one\ntwo\nKilled\n\n")).toEqual(["one", "two", "Killed"]);
});
