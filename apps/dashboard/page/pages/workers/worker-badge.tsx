import type { WorkerView } from "@millrace/protocol/overview";
import { Badge } from "../../parts/badge.tsx";

/** A process that does not answer is seen at once; its heartbeat is missed only later. */
export function WorkerBadge({ worker }: { readonly worker: WorkerView }) {
  const isSilent = worker.is_answering === false && worker.status === "active";
  if (isSilent) return <span class="badge warn square">does not answer</span>;
  return <Badge word={worker.status} />;
}
