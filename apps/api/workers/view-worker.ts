import type { KnownWorker } from "@millrace/bus";
import { hasRole, type Identity } from "@millrace/core";

export type WorkerStatus = "active" | "draining" | "unhealthy" | "dead";

/** The last beat of a dead worker is shown for so long. */
const SHOWN_MS = 60 * 60 * 1000;

function statusOf({ beat, liveness }: KnownWorker): WorkerStatus {
  return liveness === "alive" ? beat.status : liveness;
}

/** What everybody may see is that our own workers are there; what runs on a worker is its owner's, or an operator's, to see. */
export function viewWorker(known: KnownWorker, identity: Identity) {
  const { beat } = known;
  const isOwn = beat.owner_id === identity.userId || hasRole(identity, "operator");
  return {
    worker_id: beat.worker_id,
    kind: beat.owner_id === undefined ? ("embedded" as const) : ("http" as const),
    status: statusOf(known),
    capabilities: beat.capabilities,
    max_concurrent_tasks: beat.max_concurrent_tasks,
    running: beat.current_tasks.length,
    current_tasks: isOwn ? beat.current_tasks : [],
    started_at: beat.started_at,
    last_heartbeat_at: beat.last_heartbeat_at,
    heartbeat_interval: beat.heartbeat_interval,
    system_info: beat.system_info,
  };
}

export function isShown(known: KnownWorker, identity: Identity, nowMs: number): boolean {
  const { beat } = known;
  if (nowMs - Date.parse(beat.last_heartbeat_at) > SHOWN_MS) return false;
  return beat.owner_id === undefined || beat.owner_id === identity.userId || hasRole(identity, "operator");
}
