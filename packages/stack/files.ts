import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { codeOf } from "./start-failure.ts";

/** Only its owner may read it. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;

/** Replaces the file in one step: a reader sees the old content or the new one, never a half. */
export function writePrivate(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: PRIVATE_FILE, flag: "wx" });
  chmodSync(draft, PRIVATE_FILE); // The umask may have taken bits away from the owner.
  renameSync(draft, path);
}

/** Undefined when there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
