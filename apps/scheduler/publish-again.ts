import { loadDispatches } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/**
 * Read and published at once. Payloads may have 256 KiB each: two thousand of those would never fit into what may wait
 * for the publisher, would be refused as a whole, and again in each further round.
 */
const AT_ONCE = 200;

/** Writes the messages of these tasks' next attempts. What the stream does not take now, the reconciler tries again. */
export async function publishAgain(
  ports: SchedulerPorts,
  seqs: readonly number[],
  reason: string,
): Promise<number> {
  let published = 0;
  for (let start = 0; start < seqs.length; start += AT_ONCE)
    published += await publishSome(ports, seqs.slice(start, start + AT_ONCE), reason);
  return published;
}

async function publishSome(ports: SchedulerPorts, seqs: readonly number[], reason: string): Promise<number> {
  const due = await loadDispatches(ports.sql, seqs);
  const lostAtMs = Date.now();
  await ports.publisher.publish(
    due.map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime(), lostAtMs })),
  );
  ports.metrics.republished.add({ reason }, due.length);
  return due.length;
}
