/** What is known of how busy a worker is. Shares are 0 … 1; null is not known. */
export interface WorkerLoad {
  readonly slots: number;
  readonly freeSlots: number;
  readonly cpuUsage: number | null;
  readonly memoryUsage: number | null;
}

/**
 * How loaded a worker is, 0 … 1: as much as whatever it has least of. Of several that wait, the least loaded one gets the
 * next task. One that reports nothing is judged by its slots, which it always has.
 */
export function loadOf({ slots, freeSlots, cpuUsage, memoryUsage }: WorkerLoad): number {
  const taken = slots <= 0 ? 1 : 1 - freeSlots / slots;
  return Math.min(1, Math.max(0, taken, share(cpuUsage), share(memoryUsage)));
}

function share(usage: number | null): number {
  return usage === null || Number.isNaN(usage) ? 0 : usage;
}
