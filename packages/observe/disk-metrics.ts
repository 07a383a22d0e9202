import { statfsSync } from "node:fs";
import type { Metrics } from "./metrics.ts";

/** How large the disk is that a folder lies on, and what is left of it. Undefined when the folder cannot be looked at. */
export interface DiskSpace {
  readonly sizeBytes: number;
  /** For those who are not root. */
  readonly availableBytes: number;
}

/** One call of the system, without a look at any file. */
export function diskSpaceOf(folder: string): DiskSpace | undefined {
  try {
    const { bsize, blocks, bfree, bavail } = statfsSync(folder);
    // What is kept for root belongs to nobody: the disk is full when nothing is available.
    return { sizeBytes: bsize * (blocks - bfree + bavail), availableBytes: bsize * bavail };
  } catch {
    return undefined;
  }
}

export function registerDiskMetrics(metrics: Metrics, folder: string): void {
  metrics.gauge({
    name: "millrace_disk_size_bytes",
    help: "Size of the disk that MILLRACE_HOME lies on, without what is kept for root.",
    collect: (gauge) => {
      const space = diskSpaceOf(folder);
      if (space !== undefined) gauge.set({}, space.sizeBytes);
    },
  });
  metrics.gauge({
    name: "millrace_disk_available_bytes",
    help: "What is left of it.",
    collect: (gauge) => {
      const space = diskSpaceOf(folder);
      if (space !== undefined) gauge.set({}, space.availableBytes);
    },
  });
}
