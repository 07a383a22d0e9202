import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lock, tryLock } from "@millrace/stack/lock";
import { PidFile, stopLeftovers } from "@millrace/stack/pid-file";

/**
 * The folder and the processes of this test run. Both end with the run; when the run is killed, Linux stops the servers
 * and the next run removes the folder.
 */
export interface Scratch {
  /** A new empty folder, removed at the end. */
  folder(name: string): string;
  /** Writes a process down, so that a later run can stop it if this one cannot. */
  remember(name: string, pid: number): void;
  /** Called at the end of the run, the last one first. */
  atEnd(stop: () => Promise<void>): void;
}

const PREFIX = "millrace-test-";
/** `bun run test` names one in memory for most runs, where there is room: see packages/stack/memory-folder.ts. */
const ROOT = process.env.MILLRACE_TEST_FOLDER ?? tmpdir();

interface Run {
  readonly path: string;
  readonly lock: Lock;
  readonly pids: PidFile;
  readonly stops: (() => Promise<void>)[];
}

let run: Promise<Run> | undefined;
let count = 0;

export async function scratch(): Promise<Scratch> {
  run ??= begin();
  const { path, pids, stops } = await run;
  return {
    folder: (name) => {
      count += 1;
      const folder = join(path, `${name}-${count}`);
      mkdirSync(folder, { mode: 0o700 });
      return folder;
    },
    remember: (name, pid) => pids.add(`${name}-${pid}`, pid),
    atEnd: (stop) => void stops.push(stop),
  };
}

async function begin(): Promise<Run> {
  await removeLeftovers();
  const path = mkdtempSync(join(ROOT, PREFIX));
  chmodSync(path, 0o700);
  const lock = tryLock(join(path, "lock"));
  if (lock === undefined) throw new Error(`${path} is new, and locked by another run`);
  return { path, lock, pids: new PidFile(join(path, "pids.json")), stops: [] };
}

/** What runs that were killed could not remove. A folder whose lock is free belongs to nobody. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(ROOT).filter((each) => each.startsWith(PREFIX))) {
    const path = join(ROOT, name);
    try {
      const lock = tryLock(join(path, "lock"));
      if (lock === undefined) continue;
      await stopLeftovers(join(path, "pids.json"));
      rmSync(path, { recursive: true, force: true });
      lock.release();
    } catch {
      // Another user's.
    }
  }
}

/** Called once, by the preload, after the last test. */
export async function endScratch(): Promise<void> {
  if (run === undefined) return;
  const { path, lock, stops } = await run;
  run = undefined;
  for (const stop of stops.splice(0).reverse()) await stop().catch(reportLate);
  rmSync(path, { recursive: true, force: true });
  lock.release();
}

function reportLate(error: unknown): void {
  process.stderr.write(`after the tests: ${error instanceof Error ? error.message : String(error)}\n`);
}
