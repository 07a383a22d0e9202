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
