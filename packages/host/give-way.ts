import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

const IS_LINUX = process.platform === "linux";

/**
 * The process gets a core after those that do not give way. Linux may share the cores out between sessions first, and by
 * nice values only within each: who leads a session takes it along. Whatever the system refuses stays as it is.
 * @param niceness 1 … 19
 */
export function processGivesWay(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
    if (IS_LINUX && isSessionLeader(pid)) writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
  } catch {
    // It has just ended, is another user's, or there are no such groups.
  }
}

/** Of threads, within their process: much less often than whoever answers requests, but still. */
const THREAD_NICENESS = 10;

/** The thread that says so gives way to all others. On Linux only: elsewhere it would be the whole process. */
export function threadGivesWay(): void {
  if (IS_LINUX) setPriority(THREAD_NICENESS);
}

/** As Bun 1.4.5 calls the threads on which it reads and writes files. Others appear as they are needed. */
const FILE_THREAD = "Bun Pool";
const LOOK_EVERY_MS = 1_000;

let told = new Set<string>();
let lookedMs = Number.NEGATIVE_INFINITY;

/**
 * The threads on which Bun reads and writes files give way to all others of this process. To be called whenever large
 * files are on their way: it looks for new ones at most once a second, and costs next to nothing else.
 */
export function fileThreadsGiveWay(): void {
  if (!IS_LINUX) return;
  const nowMs = performance.now();
  if (nowMs - lookedMs < LOOK_EVERY_MS) return;
  lookedMs = nowMs;
  try {
    const threads = readdirSync("/proc/self/task");
    for (const thread of threads) if (!told.has(thread)) tellIfFileThread(thread);
    told = new Set(threads);
  } catch {
    // No /proc: they then run as everything else does.
  }
}

function tellIfFileThread(thread: string): void {
  try {
    if (readFileSync(`/proc/self/task/${thread}/comm`, "utf8").startsWith(FILE_THREAD))
      setPriority(Number(thread), THREAD_NICENESS);
  } catch {
    // It has just ended.
  }
}

function isSessionLeader(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything. After it: state, parent, process group, session.
  const [, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return session === String(pid);
}
