import { rmSync } from "node:fs";
import { readIfThere, writePrivate } from "./files.ts";
import { isAlive, markOf, type ProcessMark } from "./process-mark.ts";

interface ProcessRecord extends ProcessMark {
  readonly name: string;
}

const ASK_MS = 5_000;
const POLL_MS = 20;
/** PostgreSQL takes SIGTERM for "no new clients, wait for the old ones"; SIGINT ends it now, and in order. */
const ASK_SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { postgres: "SIGINT" };

/** Which processes a stack started, on disk, so that the next start can stop what a killed stack left behind. */
export class PidFile {
  readonly #path: string;
  readonly #records = new Map<string, ProcessRecord>();

  constructor(path: string) {
    this.#path = path;
  }

  add(name: string, pid: number): void {
    const mark = markOf(pid);
    if (mark === undefined) return; // It is dead already.
    this.#records.set(name, { name, ...mark });
    writePrivate(this.#path, `${JSON.stringify([...this.#records.values()])}\n`);
  }

  /** When everything has been stopped. */
  clear(): void {
    this.#records.clear();
    rmSync(this.#path, { force: true });
  }
}

/** The processes that a file names, as far as they are still the same processes. */
export function aliveProcesses(path: string): readonly { readonly name: string; readonly pid: number }[] {
  return readRecords(path)
    .filter(isAlive)
    .map(({ name, pid }) => ({ name, pid }));
}

/** Stops the processes that a file names, as far as they are still the same processes. Returns their names. */
export async function stopLeftovers(path: string, askMs = ASK_MS): Promise<readonly string[]> {
  const left = readRecords(path).filter(isAlive);
  for (const { name, pid } of left) signal(pid, ASK_SIGNALS[name] ?? "SIGTERM");
  const deadlineMs = performance.now() + askMs;
  while (left.some(isAlive) && performance.now() < deadlineMs) await Bun.sleep(POLL_MS);
  for (const record of left.filter(isAlive)) signal(record.pid, "SIGKILL");
  while (left.some(isAlive) && performance.now() < deadlineMs + ASK_MS) await Bun.sleep(POLL_MS);
  rmSync(path, { force: true });
  return left.map(({ name }) => name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It died in between, or it is not ours to stop: then whatever needs its place will say so.
  }
}

/** A file that cannot be read names nobody: it is a help, not a truth. */
function readRecords(path: string): readonly ProcessRecord[] {
  try {
    const parsed: unknown = JSON.parse(readIfThere(path) ?? "[]");
    return Array.isArray(parsed) ? parsed.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is ProcessRecord {
  if (typeof value !== "object" || value === null) return false;
  const { name, pid, bornAt } = value as Partial<Record<keyof ProcessRecord, unknown>>;
  return (
    typeof name === "string" && Number.isSafeInteger(pid) && Number(pid) > 1 && typeof bornAt === "string"
  );
}
