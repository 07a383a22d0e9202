import { join } from "node:path";
import type { Env } from "./options.ts";
import { StartFailure } from "./start-failure.ts";

const ENTRY = "packages/store/migrate-main.ts";
const MIGRATE_MS_MAX = 600_000;

/** Brings the database to the newest schema, in a process of its own: the stack knows no schema. Returns what it said. */
export async function migrate(projectFolder: string, env: Env, signal: AbortSignal): Promise<string> {
  const child = Bun.spawn([process.execPath, join(projectFolder, ENTRY)], {
    cwd: projectFolder,
    env: { ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: MIGRATE_MS_MAX,
    signal,
  });
  const [said, errors, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  signal.throwIfAborted();
  if (status === 0) return said.trim();
  throw new StartFailure(`the database could not be migrated (exit ${status})`, `${errors}${said}`.trim());
}
