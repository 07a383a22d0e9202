import { loadDispatches } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/** Writes the messages of these tasks' next attempts. What the stream does not take now, the reconciler tries again. */
export async function publishAgain(
  ports: SchedulerPorts,
  seqs: readonly number[],
  reason: string,
): Promise<number> {
  if (seqs.length === 0) return 0;
  const due = await loadDispatches(ports.sql, seqs);
  const lostAtMs = Date.now();
  await ports.publisher.publish(
    due.map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime(), lostAtMs })),
  );
  ports.metrics.republished.add({ reason }, due.length);
  return due.length;
}
