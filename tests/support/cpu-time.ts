import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100; // USER_HZ, the same on all Linux systems that Bun runs on.

/** CPU seconds that a process and its children have used so far; 0 where there is no /proc. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const entry of listProcesses()) {
    const stat = readStat(entry);
    if (stat !== undefined && (entry === pid || stat.parent === pid)) ticks += stat.ticks;
  }
  return ticks / TICKS_PER_SECOND;
}

function listProcesses(): readonly number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function readStat(pid: number): { parent: number; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // The name may hold anything.
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined; // It has ended meanwhile.
  }
}
