import type { TreeFile } from "./tree.ts";

const SOURCE = "packages/core/state.ts";
const TESTS = "tests/unit/core/state.test.ts";

/** Offenders: invariants of a task's life that no test names, and tests that name one which is not listed. */
export function invariantsAdrift(files: readonly TreeFile[]): readonly string[] {
  const textOf = (path: string) => files.find((file) => file.path === path)?.text ?? "";
  const listed = numbers(textOf(SOURCE), /^ \* {1,2}(\d+)\. /gm);
  const tested = numbers(textOf(TESTS), /["'`]invariant (\d+): /g);
  if (listed.size === 0) return [`${SOURCE} lists no invariants`];
  return [
    ...[...listed]
      .filter((number) => !tested.has(number))
      .map((number) => `${TESTS} lacks "invariant ${number}: …"`),
    ...[...tested]
      .filter((number) => !listed.has(number))
      .map((number) => `${SOURCE} lists no invariant ${number}`),
  ];
}

function numbers(text: string, pattern: RegExp): ReadonlySet<number> {
  return new Set([...text.matchAll(pattern)].map((found) => Number(found[1])));
}
