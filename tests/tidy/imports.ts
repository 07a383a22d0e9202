import { posix } from "node:path";
import { isCode, type TreeFile } from "./tree.ts";

/**
 * Who may import whom, of our own packages. The arrows point one way:
 * core ← protocol, config, host ← store, bus, pool, blobs, observe ← apps. The stack starts servers and knows no domain.
 */
const BASE = ["core", "protocol", "config"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ["core"],
  config: ["core"],
  host: [],
  store: BASE,
  bus: BASE,
  pool: BASE,
  blobs: [...BASE, "host"],
  observe: BASE,
  stack: ["core", "config", "observe"],
  client: ["core", "protocol"],
};
/** Packages that carry nothing of ours along: from the others they take types, which are gone at run time. */
const TYPES_ONLY = new Set(["client"]);

interface FoundImport {
  readonly file: string;
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

const transpiler = new Bun.Transpiler({ loader: "tsx" });

/** `import type` and `export type` become plain ones: a type from the wrong side is a dependency too. */
function withoutTypeWords(text: string): string {
  return text
    .replace(/\bimport\s+type\b(?=\s*[{*\w])/g, "import")
    .replace(/\bexport\s+type\b(?=\s*[{*])/g, "export")
    .replace(/\b(?:import|export)\s*\{[^}]*\}/g, (clause) => clause.replace(/([{,]\s*)type\s+(?=\w)/g, "$1"));
}

function specifiersIn(text: string): readonly string[] {
  // For markup the scanner finds a runtime that nobody wrote down, and guesses which.
  const isWritten = (path: string) => text.includes(`"${path}"`);
  return transpiler
    .scanImports(text)
    .filter(({ kind, path }) => kind !== "require-call" || isWritten(path))
    .map((found) => found.path);
}

/** Throws, with the file's name, when it cannot be parsed. */
export function importsOf(file: TreeFile): readonly FoundImport[] {
  try {
    return scan(file);
  } catch (cause) {
    throw new Error(`${file.path} cannot be parsed`, { cause });
  }
}

function scan(file: TreeFile): readonly FoundImport[] {
  // The scanner leaves out imports of types, so what it finds in the text as it is, is there at run time.
  const atRunTime = new Set(specifiersIn(file.text));
  const inTypes = [...file.text.matchAll(/\bimport\("([^"\n]+)"\)/g)].map((found) => found[1] ?? "");
  const all = new Set([...atRunTime, ...specifiersIn(withoutTypeWords(file.text)), ...inTypes]);
  return [...all].map((specifier) => ({
    file: file.path,
    specifier,
    isTypeOnly: !atRunTime.has(specifier),
  }));
}

interface Home {
  /** `apps/api`, `packages/core`, `tests`; the root is "". */
  readonly folder: string;
  readonly kind: "app" | "package" | "tests" | "root";
  /** `api`, `core`. */
  readonly name: string;
}

function homeOf(path: string): Home {
  const [top = "", name = ""] = path.split("/");
  if (top === "apps") return { folder: `apps/${name}`, kind: "app", name };
  if (top === "packages") return { folder: `packages/${name}`, kind: "package", name };
  if (top === "tests") return { folder: "tests", kind: "tests", name: "tests" };
  return { folder: "", kind: "root", name: "" };
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith("@millrace/");
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

/** `@nats-io/kv/internal` → `@nats-io/kv`, `postgres/x` → `postgres`. */
function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function allImports(files: readonly TreeFile[]): readonly FoundImport[] {
  return files.filter((file) => isCode(file.path)).flatMap(importsOf);
}

/** Offenders: imports of our own packages against the arrows. */
export function importsAgainstTheArrows(files: readonly TreeFile[]): readonly string[] {
  const apps = new Set(
    files
      .map((file) => homeOf(file.path))
      .filter((home) => home.kind === "app")
      .map(({ name }) => name),
  );
  return allImports(files)
    .filter(({ specifier }) => isOurs(specifier))
    .filter(({ file, specifier, isTypeOnly }) => {
      const home = homeOf(file);
      const target = packageOf(specifier).slice("@millrace/".length);
      if (home.kind === "tests" || target === home.name) return false;
      if (home.kind === "app") return apps.has(target);
      if (TYPES_ONLY.has(home.name) && !isTypeOnly) return true;
      return !(MAY_IMPORT[home.name] ?? []).includes(target);
    })
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
}

/** Offenders: packages that the table of arrows does not know. */
export function packagesWithoutArrows(files: readonly TreeFile[]): readonly string[] {
  const homes = files.map((file) => homeOf(file.path)).filter(({ kind }) => kind === "package");
  return [...new Set(homes.map(({ name }) => name))].filter((name) => MAY_IMPORT[name] === undefined);
}

/** Offenders: relative imports that leave their package, which would go around its list of dependencies. */
export function importsOutOfThePackage(files: readonly TreeFile[]): readonly string[] {
  return allImports(files)
    .filter(({ specifier }) => isRelative(specifier))
    .filter(({ file, specifier }) => {
      const target = posix.join(posix.dirname(file), specifier);
      const { folder } = homeOf(file);
      return folder !== "" && !target.startsWith(`${folder}/`);
    })
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
}

/** Offenders: imports of local files without their ending. */
export function importsWithoutEnding(files: readonly TreeFile[]): readonly string[] {
  return allImports(files)
    .filter(({ specifier }) => isRelative(specifier) && !/\.\w+$/.test(specifier))
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function listedIn(manifest: TreeFile | undefined): readonly string[] {
  if (manifest === undefined) return [];
  const { dependencies, devDependencies, optionalDependencies, peerDependencies }: Manifest = JSON.parse(
    manifest.text,
  );
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies });
}

function manifestOf(files: readonly TreeFile[], folder: string): TreeFile | undefined {
  const path = folder === "" ? "package.json" : `${folder}/package.json`;
  return files.find((file) => file.path === path);
}

/** Offenders: imports of what the package's own package.json does not list. */
export function importsNotListed(files: readonly TreeFile[]): readonly string[] {
  return allImports(files)
    .filter(({ specifier }) => !isRelative(specifier) && !/^(node:|bun:|bun$|https?:|\/)/.test(specifier))
    .filter(({ file, specifier }) => {
      const home = homeOf(file);
      const ownName = `@millrace/${home.name}`;
      const listed = listedIn(manifestOf(files, home.folder));
      return packageOf(specifier) !== ownName && !listed.includes(packageOf(specifier));
    })
    .map(
      ({ file, specifier }) =>
        `${file} imports ${specifier}, which ${homeOf(file).folder}/package.json does not list`,
    );
}

/** Offenders: dependencies that no file of their package names. */
export function dependenciesNotUsed(files: readonly TreeFile[]): readonly string[] {
  const manifests = files.filter((file) => /^((apps|packages)\/[^/]+|tests)\/package\.json$/.test(file.path));
  return manifests.flatMap((manifest) => {
    const { folder } = homeOf(manifest.path);
    const code = files.filter((file) => isCode(file.path) && homeOf(file.path).folder === folder);
    const used = new Set(code.flatMap(importsOf).map(({ specifier }) => packageOf(specifier)));
    // A name may also be resolved instead of imported: a thread's entry, a binary, a page's assets.
    const isNamed = (name: string) => used.has(name) || code.some(({ text }) => text.includes(`"${name}`));
    return listedIn(manifest)
      .filter((name) => !isNamed(name))
      .map((name) => `${manifest.path} lists ${name}, which nothing uses`);
  });
}

/** Offenders: packages of ours that the root lists, which would make them importable from everywhere. */
export function workspacePackagesInRoot(files: readonly TreeFile[]): readonly string[] {
  return listedIn(manifestOf(files, "")).filter(isOurs);
}
