import { cpuSeconds } from "../support/cpu-time.ts";
import type { RunningStack } from "../support/running-stack.ts";

/** CPU seconds of each process of a stack, and of the load generator, until now. */
export type CpuByProcess = ReadonlyMap<string, number>;

export async function cpuByProcess(stack: RunningStack): Promise<CpuByProcess> {
  const { processes } = await stack.run();
  const used = new Map(processes.map(({ name, pid }) => [name, cpuSeconds(pid)]));
  return used.set("load", process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6);
}

/** `nats 0.40, api 1.41`, in µs per event. */
export function perEvent(before: CpuByProcess, after: CpuByProcess, events: number): string {
  return [...after]
    .map(([name, seconds]) => [name, ((seconds - (before.get(name) ?? 0)) * 1e6) / events] as const)
    .filter(([, micros]) => micros >= 0.01)
    .map(([name, micros]) => `${name} ${micros.toFixed(2)}`)
    .join(", ");
}
