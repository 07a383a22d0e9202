import { codeOf, isCode, type TreeFile } from "./tree.ts";

const LINES_MAX = 300;
const COUNTED = /\.(ts|tsx|js|jsx|mjs|sql|css|html|sh)$|^\.ci\//;

/** Offenders: files with more lines than one can keep in mind. */
export function longFiles(files: readonly TreeFile[]): readonly string[] {
  return files
    .filter((file) => COUNTED.test(file.path))
    .map((file) => ({ path: file.path, lines: file.text.replace(/\n$/, "").split("\n").length }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}

/** Offenders: anything below a folder called src: the folders' names tell the story without it. */
export function srcFolders(files: readonly TreeFile[]): readonly string[] {
  return files.map(({ path }) => path).filter((path) => path.split("/").slice(0, -1).includes("src"));
}

const TOP_LEVEL = new Set([
  "package.json",
  "tsconfig.json",
  "bunfig.toml",
  "biome.json",
  "bun.lock",
  "nats",
  "apps",
  "packages",
  "deploy",
  "tests",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
]);

/** Offenders: what does not belong at the top. Dotfiles are the tools' own business. */
export function strangersAtTheTop(files: readonly TreeFile[]): readonly string[] {
  const tops = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  return [...tops].filter((top) => !top.startsWith(".") && !TOP_LEVEL.has(top));
}

/** Offenders: folders that do not say what lives in them. */
export function foldersWithoutReadme(files: readonly TreeFile[]): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  const folders = new Set<string>();
  for (const path of paths) {
    const folder = /^(apps|packages)\/[^/]+(?=\/)|^(nats|deploy|tests)(?=\/)/.exec(path)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders]
    .filter((folder) => !paths.has(`${folder}/README.md`))
    .map((folder) => `${folder}/README.md`);
}

/** Types and plain constants have nothing that could be run. */
function hasBehaviour(file: TreeFile): boolean {
  const script = new Bun.Transpiler({ loader: "tsx" }).transformSync(file.text);
  return /=>|\bfunction\b|\bclass\b/.test(codeOf({ path: file.path, text: script }));
}

const CORE = "packages/core/";

/** Offenders: files of packages/core without a unit test that mirrors them. */
export function coreWithoutTests(files: readonly TreeFile[]): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  return files
    .filter((file) => file.path.startsWith(CORE) && isCode(file.path) && hasBehaviour(file))
    .map((file) => `tests/unit/core/${file.path.slice(CORE.length).replace(/\.tsx?$/, ".test.ts")}`)
    .filter((test) => !paths.has(test));
}

/** Offenders: unit tests of packages/core whose source is gone or renamed. */
export function coreTestsWithoutSource(files: readonly TreeFile[]): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  return [...paths]
    .filter((path) => path.startsWith("tests/unit/core/") && path.endsWith(".test.ts"))
    .filter((path) => !paths.has(path.replace("tests/unit/core/", CORE).replace(/\.test\.ts$/, ".ts")));
}
