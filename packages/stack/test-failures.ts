/** What a failure says of itself fits here as a rule; the whole of it stands further up in the output. */
const LINES_MAX = 60;
/** A broken machine fails everything: the first ones tell as much as all. */
const FAILURES_MAX = 40;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal begin with one
const COLOR = /\x1b\[[0-9;]*m/g;
const FILE = /^(\S+\.test\.tsx?):$/;
const VERDICT = /^\((pass|fail|skip|todo)\) /;

/** One failed test: its file, and what was said of it, its verdict last. */
export interface TestFailure {
  readonly file: string;
  readonly lines: readonly string[];
}

/** The failed tests in what one `bun test` said. Bun says each again at the end of a large run: the first is kept. */
export function findFailures(output: string): readonly TestFailure[] {
  const found = new Map<string, TestFailure>();
  let file = "";
  let lines: string[] = [];
  for (const line of output.replace(COLOR, "").split("\n")) {
    const heading = FILE.exec(line)?.[1];
    if (heading !== undefined) {
      file = heading;
      lines = [];
      continue;
    }
    lines.push(line);
    const verdict = VERDICT.exec(line)?.[1];
    if (verdict === undefined) continue;
    const key = line.replace(/ \[[\d.]+m?s\]$/, "");
    if (verdict === "fail" && !found.has(key)) found.set(key, { file, lines: lines.slice(-LINES_MAX) });
    lines = [];
  }
  return [...found.values()];
}

/** The end of a run that broke without a failed test: a crash, a file that cannot be loaded, an error between tests. */
export function lastWords(output: string): readonly string[] {
  return output.replace(COLOR, "").trimEnd().split("\n").slice(-LINES_MAX);
}

/** Said once more after thousands of lines of success, right before the last line. Empty when nothing failed. */
export function describeFailures(failures: readonly TestFailure[]): string {
  if (failures.length === 0) return "";
  const told = failures.slice(0, FAILURES_MAX);
  const left = failures.length - told.length;
  const parts = told.map(({ file, lines }) => `${file}:\n${lines.join("\n").trim()}\n`);
  const more = left === 0 ? "" : `\n… and ${left} more, further up.\n`;
  return `\nWhat failed, once more:\n\n${parts.join("\n")}${more}\n`;
}
