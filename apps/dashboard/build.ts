import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { BuildArtifact } from "bun";

const HERE = import.meta.dirname;
const PAGE = join(HERE, "page");
const DIST = join(HERE, "dist");
/** Smaller files do not get smaller. */
const COMPRESSED_BYTES_MIN = 512;

/**
 * Bundles the page into a folder of its own and returns it: `index.html`, `assets/`, each also packed with brotli and
 * gzip. The folder is named after what it is made of, so a second call finds it and builds nothing, and two at once
 * make the same. Throws what Bun's bundler says.
 */
export async function buildDashboard(): Promise<string> {
  const target = join(DIST, fingerprint());
  if (existsSync(target)) return target;
  const built = await Bun.build({
    entrypoints: ["main.tsx", "theme-start.ts", "styles/all.css"].map((name) => join(PAGE, name)),
    target: "browser",
    format: "esm",
    splitting: true,
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    naming: { entry: "[name]-[hash].[ext]", chunk: "part-[hash].[ext]", asset: "[name]-[hash].[ext]" },
  });
  const scratch = `${target}.${process.pid}`;
  mkdirSync(join(scratch, "assets"), { recursive: true });
  for (const output of built.outputs)
    writeWithPacked(join(scratch, "assets", nameOf(output)), new Uint8Array(await output.arrayBuffer()));
  writeWithPacked(join(scratch, "index.html"), new TextEncoder().encode(await indexPage(built.outputs)));
  removeFormer();
  try {
    renameSync(scratch, target);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // Else somebody was faster, with the same content.
  }
  return target;
}

/** Changes with every source, the libraries and Bun. */
function fingerprint(): string {
  const hash = createHash("sha256").update(Bun.version);
  const sources = [PAGE, join(HERE, "../../packages/protocol"), join(HERE, "../../packages/core")].flatMap(
    filesIn,
  );
  for (const path of [import.meta.filename, join(HERE, "package.json"), ...sources])
    hash.update(`\0${relative(HERE, path)}\0`).update(readFileSync(path));
  return hash.digest("hex").slice(0, 16);
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();
}

function nameOf({ path }: BuildArtifact): string {
  return path.replace(/^.*\//, "");
}

function writeWithPacked(path: string, bytes: Uint8Array): void {
  writeFileSync(path, bytes);
  if (bytes.length < COMPRESSED_BYTES_MIN) return;
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

/** No script and no style stands in the page itself, so that its policy can forbid both. */
async function indexPage(outputs: readonly BuildArtifact[]): Promise<string> {
  const entry = (pattern: RegExp): BuildArtifact => {
    const found = outputs.find((output) => pattern.test(nameOf(output)));
    if (found === undefined) throw new Error(`the build has no file like ${pattern}`);
    return found;
  };
  const main = entry(/^main-.*\.js$/);
  // Without a hint the browser learns of these only once it has read the entry.
  const parts = [...(await main.text()).matchAll(/from\s*"\.\/(part-[^"]+\.js)"/g)].map(
    ([, name = ""]) => name,
  );
  const hints = [...new Set(parts)].map((name) => `<link rel="modulepreload" href="/assets/${name}">`);
  return readFileSync(join(PAGE, "index.html"), "utf8")
    .replace("{{styles}}", `/assets/${nameOf(entry(/^all-.*\.css$/))}`)
    .replace("{{theme}}", `/assets/${nameOf(entry(/^theme-start-.*\.js$/))}`)
    .replace("{{main}}", `/assets/${nameOf(main)}`)
    .replace("</head>", `${hints.join("\n    ")}\n  </head>`);
}

const KEPT_MS = 24 * 3_600_000;

/** Builds of former sources, once nobody can be serving them any more. */
function removeFormer(): void {
  for (const name of readdirSync(DIST)) {
    const path = join(DIST, name);
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}
