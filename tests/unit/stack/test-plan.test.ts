import { expect, test } from "bun:test";
import { describeRun, planTests } from "@millrace/stack/test-plan";

const MARKED = '// Runs alone: it compares times.\nimport { test } from "bun:test";\n';
const ON_DISK = "// On a disk: it counts who comes first.\n";

test("small tests are one run, groups of stories and single files of chaos go in turn, and what measures comes last", () => {
  const stories = Array.from({ length: 8 }, (_, n) => `tests/flow/story-${n}.test.ts`);
  const files = [
    ...["a", "b", "c"].map((name) => `tests/chaos/${name}.test.ts`),
    ...stories,
    "tests/unit/d.test.ts",
  ];
  const read = (file: string) => (file.endsWith("story-7.test.ts") ? MARKED : "");
  const { beside, alone } = planTests(files, read);
  expect(beside.map((run) => run.files)).toEqual([
    ["tests/unit/d.test.ts"],
    [0, 2, 4, 6].map((n) => stories[n] ?? ""),
    ["tests/chaos/a.test.ts"],
    [1, 3, 5].map((n) => stories[n] ?? ""),
    ["tests/chaos/b.test.ts"],
    ["tests/chaos/c.test.ts"],
  ]);
  expect(alone.files).toEqual(["tests/flow/story-7.test.ts"]);
});

test("no file is forgotten, and none runs twice", () => {
  const files = ["tests/x.test.ts", "tests/bench/y.test.ts", "tests/flow/z.test.ts", "tests/chaos/w.test.ts"];
  for (const text of ["", MARKED, ON_DISK, MARKED + ON_DISK]) {
    const { beside, alone } = planTests(files, () => text);
    expect([...beside, alone].flatMap((run) => run.files).sort()).toEqual([...files].sort());
  }
});

test("a mark counts at the beginning of one of the first lines only", () => {
  for (const text of [`${"\n".repeat(1_000)}${MARKED}`, `const mark = "${MARKED}";`, ` ${MARKED}`])
    expect(planTests(["tests/flow/z.test.ts"], () => text).alone.files).toEqual([]);
});

test("a run is told by its first files, and how many more there are", () => {
  expect(describeRun(["a", "b"])).toBe("bun test a b");
  const many = Array.from({ length: 336 }, (_, n) => `f${n}`);
  expect(describeRun(many)).toBe("bun test f0 f1 f2 f3 f4 f5 and 330 more");
});

test("what dies, measures or is marked does so on a disk; the rest need not", () => {
  const mark = new Map([
    ["tests/flow/a.test.ts", MARKED],
    ["tests/flow/b.test.ts", ON_DISK],
  ]);
  const files = [...mark.keys(), "tests/chaos/c.test.ts", "tests/flow/d.test.ts", "tests/unit/e.test.ts"];
  const { beside, alone } = planTests(files, (file) => mark.get(file) ?? "");
  const onDisk = [...beside, alone].filter((run) => run.isOnDisk).map((run) => run.files);
  expect(onDisk).toEqual([["tests/flow/b.test.ts"], ["tests/chaos/c.test.ts"], ["tests/flow/a.test.ts"]]);
});
