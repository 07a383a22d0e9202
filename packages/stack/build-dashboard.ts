import { join } from "node:path";
import type { Env } from "./options.ts";

const ENTRY = "apps/dashboard/build-main.ts";
const BUILD_MS_MAX = 60_000;

export interface DashboardBuild {
  readonly projectFolder: string;
  readonly env: Env;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/**
 * The folder of the built page: the one that was set, or what a process of its own has built, or found to be built. A
 * page that cannot be built is no reason to take no work in: then it is said, and there is none.
 */
export async function buildDashboard({
  projectFolder,
  env,
  signal,
  say,
}: DashboardBuild): Promise<string | undefined> {
  if (env.DASHBOARD_FOLDER !== undefined && env.DASHBOARD_FOLDER !== "") return env.DASHBOARD_FOLDER;
  const child = Bun.spawn([process.execPath, join(projectFolder, ENTRY)], {
    cwd: projectFolder,
    env: { ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: BUILD_MS_MAX,
    signal,
  });
  const [said, errors, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status === 0) return said.trim();
  if (!signal.aborted)
    say(`  dashboard  could not be built, and is left out: ${errors.trim().slice(0, 500)}`);
  return undefined;
}
