import type { TaskRequest } from "@millrace/client";
import { DemoFailure, type Stage } from "./part.ts";

/** @throws DemoFailure when one of them is refused: the demo sends nothing that may be */
export async function submitAll({ client, signal }: Stage, requests: readonly TaskRequest[]): Promise<void> {
  const { items, rejected } = await client.tasks.submitBatch(requests, { signal });
  const first = items.find((item) => item.problem !== undefined);
  if (rejected === 0 && first === undefined) return;
  const { code, detail } = first?.problem ?? { code: "UNKNOWN", detail: "no reason was given" };
  throw new DemoFailure(`${rejected} tasks were refused, the first one with ${code}: ${detail}`);
}

/** `demo-k3j9-sim-007`: sorts as it was sent. */
export function numberedIds(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index + 1).padStart(3, "0")}`);
}
