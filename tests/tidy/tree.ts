import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** One file of the repository. The rules see nothing else, so that a small bad example is enough to test them. */
export interface TreeFile {
  /** From the root, with `/`: `packages/core/ids.ts`. */
  readonly path: string;
  /** Empty for what is no text. */
  readonly text: string;
}

const ROOT = resolve(import.meta.dir, "../..");
/** What is made by tools, or belongs to one person's machine; see .gitignore. */
const IGNORED = /^(\.git|node_modules|\.millrace.*|coverage|dist|\.vscode|\.idea|\.DS_Store|\.env|.*\.log)$/;
const TEXT_BYTES_MAX = 2 * 1024 * 1024;

/** Every file that is, or would be, in the repository. Looks at the folder, not at commits: what is new counts too. */
export function readTree(root: string = ROOT): readonly TreeFile[] {
  return filesIn(root, "").map((path) => ({ path, text: readText(join(root, path)) }));
}

function filesIn(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !IGNORED.test(entry.name))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesIn(root, path);
      return entry.isFile() ? [path] : [];
    });
}

function readText(path: string): string {
  if (statSync(path).size > TEXT_BYTES_MAX) return "";
  const text = readFileSync(path, "utf8");
  return text.includes("\0") ? "" : text;
}

export function isCode(path: string): boolean {
  return /\.(ts|tsx|js|jsx|mjs)$/.test(path) && !path.endsWith(".d.ts");
}

const COMMENT_OR_STRING =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

/**
 * The code without comments and plain strings: what is only spoken of is not done. Template strings stay, since they
 * hold code. (Bun's transpiler drops comments too, but also dead code, and it replaces some reads of the environment.)
 */
export function codeOf(file: TreeFile): string {
  return file.text.replace(COMMENT_OR_STRING, (found) => {
    if (found.startsWith("`")) return found;
    return found.startsWith("/") ? " " : '""';
  });
}
