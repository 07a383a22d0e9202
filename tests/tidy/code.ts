import { importsOf } from "./imports.ts";
import { codeOf, isCode, type TreeFile } from "./tree.ts";

function isCore(path: string): boolean {
  return path.startsWith("packages/core/") && isCode(path);
}

/** What a pure function cannot have: a clock, dice, timers, the environment, I/O. */
const IMPURE: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    "the clock",
    /\bDate\.now\b|\bnew Date(?!\s*\(\s*[^\s)])|(?<!new\s)\bDate\(|\bTemporal\.Now\b|\bperformance\s*\./,
  ],
  ["the dice", /\bMath\.random\b|\bcrypto\s*\.|\brandomUUID/],
  ["a timer", /\bset(Timeout|Interval)\b/],
  ["the process", /\bprocess\s*\.|\bBun\s*\.|\bimport\.meta\.env\b|\bglobalThis\b/],
  ["the network", /\bfetch\s*\(|\bnew (WebSocket|EventSource|Worker)\b/],
  ["the console", /\bconsole\s*\./],
];

/** Libraries that compute and do nothing else, as core uses them. */
const PURE_LIBRARIES = new Set(["croner"]);

/** Offenders: code in packages/core that is not pure. `group-commit.ts` alone may wait for the end of a turn. */
export function impureCore(files: readonly TreeFile[]): readonly string[] {
  return files
    .filter((file) => isCore(file.path))
    .flatMap((file) => {
      const code = codeOf(file);
      const found = IMPURE.filter(([, pattern]) => pattern.test(code)).map(
        ([what]) => `${file.path} uses ${what}`,
      );
      const outside = importsOf(file)
        .filter(({ specifier }) => !specifier.startsWith("./") && !specifier.startsWith("../"))
        .filter(({ specifier }) => !PURE_LIBRARIES.has(specifier))
        .map(({ specifier }) => `${file.path} imports ${specifier}`);
      const mayWait = file.path === "packages/core/group-commit.ts";
      const waits = /\bsetImmediate\b/.test(code) && !mayWait ? [`${file.path} uses setImmediate`] : [];
      return [...found, ...outside, ...waits];
    });
}

const ENVIRONMENT =
  /\bprocess\s*\.\s*env\b|\bBun\s*\.\s*env\b|\bimport\.meta\.env\b|\benv\b[^=;]*\}\s*=\s*(process|Bun)\b/;
/** A process begins in `main.ts`, or in `<what>-main.ts` when a package has a command of its own (migrations). */
const MAY_READ_ENVIRONMENT = /^((apps|packages)\/(.*[/-])?main\.ts|packages\/stack\/.*|tests\/support\/.*)$/;

/** A test may change a variable to show that it changes nothing. */
const CHANGE = /\bdelete process\.env\.\w+|\bprocess\.env\.\w+\s*=(?!=)/g;

function readsEnvironment(file: TreeFile): boolean {
  const code = codeOf(file);
  return ENVIRONMENT.test(file.path.startsWith("tests/") ? code.replace(CHANGE, "") : code);
}

/** Offenders: reads of the environment outside of the places that wire a process. */
export function environmentReads(files: readonly TreeFile[]): readonly string[] {
  return files
    .filter((file) => isCode(file.path) && !MAY_READ_ENVIRONMENT.test(file.path))
    .filter(readsEnvironment)
    .map((file) => file.path);
}

// The words are put together here, so that this file does not hold what it looks for.
const UNFINISHED = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "HA" + "CK", "X" + "XX"].join("|")})\\b`);

/** Offenders: lines that promise to be finished later. */
export function unfinishedWork(files: readonly TreeFile[]): readonly string[] {
  return linesWith(
    files.filter((file) => file.path !== "bun.lock"),
    UNFINISHED,
  );
}

const NOT_RUN =
  /\b(test|it|describe)(\.\w+(\([^)]*\))?)*\.(skip|todo|only|failing|if|skipIf|todoIf)\b|\bx(it|test|describe)\s*\(/;

/** Offenders: tests that do not run, or keep others from running. */
export function testsNotRun(files: readonly TreeFile[]): readonly string[] {
  return linesWith(
    files.filter((file) => file.path.startsWith("tests/") && isCode(file.path)),
    NOT_RUN,
  );
}

const REGISTRIES = [
  ["registry", "npmjs"],
  ["registry", "yarnpkg"],
  ["npm", "pkg"],
  ["deb", "debian"],
  ["security", "debian"],
  ["snapshot", "debian"],
  ["archive", "ubuntu"],
  ["ports", "ubuntu"],
  ["proxy", "golang"],
  ["files", "pythonhosted"],
  ["pypi", "org"],
  ["static", "crates"],
  ["index", "crates"],
].map((parts) => parts.join("\\."));
const REGISTRY = new RegExp(`\\b(${REGISTRIES.join("|")})\\b`, "i");
/** A path that exists on one machine only. In a URL, the same words have a host before them. */
const MACHINE_PATH = /(?<![\w.~-])\/((work|root|farm)\/|(home|Users)\/[a-z])/;

/** Offenders: lines that name a package registry: which one is used is the business of whoever installs. */
export function registryHosts(files: readonly TreeFile[]): readonly string[] {
  return linesWith(files, REGISTRY);
}

/** Offenders: lines with absolute paths of somebody's machine. */
export function machinePaths(files: readonly TreeFile[]): readonly string[] {
  return linesWith(files, MACHINE_PATH);
}

function linesWith(files: readonly TreeFile[], pattern: RegExp): readonly string[] {
  return files.flatMap((file) =>
    file.text
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file.path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
      ),
  );
}
