import { readFileSync } from "node:fs";

/** One process for ever: its pid, and when it was born, since pids are used again. */
export interface ProcessMark {
  readonly pid: number;
  readonly bornAt: string;
}

/** Undefined: there is no such process, or it is dead and only not buried yet (a zombie, common in containers). */
export function markOf(pid: number): ProcessMark | undefined {
  const found = process.platform === "linux" ? readProc(pid) : askPs(pid);
  return found === undefined || found.state.startsWith("Z") ? undefined : { pid, bornAt: found.bornAt };
}

export function isAlive(mark: ProcessMark): boolean {
  return markOf(mark.pid)?.bornAt === mark.bornAt;
}

/** 0 when there is no such process. */
export function parentOf(pid: number): number {
  if (process.platform === "linux") return readProc(pid)?.parent ?? 0;
  const asked = Bun.spawnSync(["ps", "-o", "ppid=", "-p", String(pid)]);
  return Number(asked.stdout.toString().trim());
}

interface Found {
  readonly state: string;
  readonly parent: number;
  readonly bornAt: string;
}

/** @see man 5 proc: state is field 3, ppid 4, starttime 22; the name (2) may hold blanks and parentheses. */
function readProc(pid: number): Found | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { state: fields[0] ?? "", parent: Number(fields[1]), bornAt: `${boot}/${fields[19]}` };
  } catch {
    return undefined;
  }
}

function askPs(pid: number): Found | undefined {
  const asked = Bun.spawnSync(["ps", "-o", "stat=,ppid=,lstart=", "-p", String(pid)]);
  const [state = "", parent = "", ...born] = asked.stdout.toString().trim().split(/\s+/);
  return state === "" ? undefined : { state, parent: Number(parent), bornAt: born.join(" ") };
}
