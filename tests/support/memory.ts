import { readFileSync } from "node:fs";

const KIB = 1024;

/** Bytes of main memory that a process has at this moment, its threads included; 0 when it has ended. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, /VmRSS:\s+(\d+)/);
}

function statusBytes(pid: number, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * KIB;
  } catch {
    return 0;
  }
}

export interface MemoryWatch {
  /** The most that all of them together had since the watch began. */
  readonly peakBytes: number;
  stop(): void;
}

const LOOK_EVERY_MS = 20;

/** Looks often: the peak that the kernel keeps of each process is from its start, and of one process. */
export function watchMemory(pids: readonly number[]): MemoryWatch {
  let peakBytes = 0;
  const look = () => {
    peakBytes = Math.max(
      peakBytes,
      pids.map(residentBytes).reduce((sum, bytes) => sum + bytes, 0),
    );
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    get peakBytes() {
      return peakBytes;
    },
    stop: () => clearInterval(timer),
  };
}
