export interface TestSummary {
  readonly passed: number;
  readonly failed: number;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal begin with one
const COLOR = /\x1b\[[0-9;]*m/g;

/**
 * Reads the end of what `bun test` says: ` 3 pass`, ` 2 fail`, one below the other. A file that cannot be loaded counts
 * among the failures. Undefined: it never came to a summary.
 */
export function parseTestSummary(output: string): TestSummary | undefined {
  const plain = output.replace(COLOR, "");
  const passed = lastNumber(plain, /^ *(\d+) pass$/gm);
  const failed = lastNumber(plain, /^ *(\d+) fail$/gm);
  if (passed === undefined && failed === undefined) return undefined;
  return { passed: passed ?? 0, failed: failed ?? 0 };
}

function lastNumber(text: string, pattern: RegExp): number | undefined {
  const last = [...text.matchAll(pattern)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}

/** One process of `bun test`. */
export interface TestRun {
  readonly summary: TestSummary | undefined;
  readonly status: number;
}

/**
 * Several runs as if they were one: a run that ended badly without a failed test (it crashed, or ran nothing) counts as one
 * failure, so that no other run's success hides it.
 */
export function addRuns(runs: readonly TestRun[]): [TestSummary | undefined, number] {
  const each = runs.map(({ summary, status }) => {
    const { passed, failed } = summary ?? { passed: 0, failed: 0 };
    const isBroken = failed === 0 && (status !== 0 || passed === 0);
    return { passed, failed: failed + (isBroken ? 1 : 0) };
  });
  if (each.length === 0) return [undefined, 0];
  const passed = each.reduce((sum, run) => sum + run.passed, 0);
  const failed = each.reduce((sum, run) => sum + run.failed, 0);
  return [{ passed, failed }, failed === 0 ? 0 : 1];
}

export interface TestVerdict {
  readonly line: string;
  readonly exitStatus: number;
}

/** The last line and the exit status. What ended badly counts as failed, even if no test did; so does a run without tests. */
export function judgeTests(summary: TestSummary | undefined, bunStatus: number): TestVerdict {
  const { passed, failed } = summary ?? { passed: 0, failed: 0 };
  const ranNothing = passed + failed === 0;
  const broken = failed === 0 && (bunStatus !== 0 || ranNothing) ? 1 : 0;
  const line = `${passed} passed, ${failed + broken} failed`;
  return { line, exitStatus: failed + broken === 0 ? 0 : 1 };
}
