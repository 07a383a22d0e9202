import { statfsSync } from "node:fs";
import { readIfThere } from "./files.ts";

const FOLDER = "/dev/shm";
const MOUNTS = "/proc/mounts";
const GIB = 1024 ** 3;
/** Several times what four runs of tests have been seen to hold at once. */
const FREE_BYTES_MIN = 8 * GIB;
/** What is written there is memory that nobody else has. */
const MEMORY_BYTES_MIN = 12 * GIB;

export interface Machine {
  /** As in /proc/mounts; empty where there is none. */
  readonly mounts: string;
  /** What the folder still takes. */
  readonly freeBytes: () => number;
  /** What a process may have, by its container and by what others leave. */
  readonly memoryBytes: number;
}

/**
 * A folder whose files are memory, with room for what tests write; undefined where there is none. Syncing costs nothing
 * there: on a disk, making the streams of one nats-server takes a quarter of a second of CPU for that alone.
 */
export function findMemoryFolder(machine: Machine = thisMachine()): string | undefined {
  const mount = machine.mounts
    .split("\n")
    .map((line) => line.split(" "))
    .findLast(([, path]) => path === FOLDER);
  const [, , type, options = ""] = mount ?? [];
  if (type !== "tmpfs" || !isUsable(options.split(","))) return undefined;
  if (machine.memoryBytes < MEMORY_BYTES_MIN || machine.freeBytes() < FREE_BYTES_MIN) return undefined;
  return FOLDER;
}

/** Tests start scripts that they have written. */
function isUsable(options: readonly string[]): boolean {
  return options.includes("rw") && !options.includes("noexec");
}

function thisMachine(): Machine {
  return {
    mounts: readIfThere(MOUNTS) ?? "",
    freeBytes: () => {
      const { bavail, bsize } = statfsSync(FOLDER);
      return bavail * bsize;
    },
    memoryBytes: Math.min(process.constrainedMemory(), process.availableMemory()),
  };
}
