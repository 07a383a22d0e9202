import { readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { markOf } from "./process-mark.ts";

const ASK_MS = 3_000;
const POLL_MS = 20;

/** The processes that stand in a folder (their working directory). Known on Linux only; elsewhere nobody. */
export function processesIn(folder: string): readonly number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && standsIn(pid, folder));
}

function standsIn(pid: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === folder && markOf(pid) !== undefined;
  } catch {
    return false; // It is gone, or somebody else's.
  }
}

/**
 * Stops the servers that still stand in a folder of ours although no stack runs: a stack was killed before it could
 * write down what it had started. Returns how many there were.
 */
export async function stopProcessesIn(folder: string): Promise<number> {
  const found = processesIn(folder);
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    for (const pid of processesIn(folder)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It died in between.
      }
    }
    const deadlineMs = performance.now() + ASK_MS;
    while (performance.now() < deadlineMs && processesIn(folder).length > 0) await Bun.sleep(POLL_MS);
  }
  return found.length;
}

/**
 * Takes away PostgreSQL's lock file when no process stands in the data folder. PostgreSQL would do so itself, unless its
 * old pid belongs to somebody else by now, which is common in containers, where pids begin at 1 again.
 */
export function removeStaleLock(dataFolder: string): void {
  if (process.platform !== "linux" || processesIn(dataFolder).length > 0) return;
  rmSync(join(dataFolder, "postmaster.pid"), { force: true });
}
