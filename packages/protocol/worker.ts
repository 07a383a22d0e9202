/** What a worker tells of itself: the value of its key in the `workers` bucket. */
export interface WorkerBeat {
  readonly worker_id: string;
  /** Changes with each start of the process: claims of an earlier life are dead. */
  readonly session: string;
  readonly status: "active" | "draining";
  readonly capabilities: readonly string[];
  readonly max_concurrent_tasks: number;
  readonly current_tasks: readonly string[];
  readonly started_at: string;
  readonly last_heartbeat_at: string;
  /** How often it promises to beat, in seconds; three missed beats mean death. */
  readonly heartbeat_interval: number;
  readonly system_info: SystemInfo;
  /** Set for workers that speak HTTP: the user who registered it. */
  readonly owner_id?: number;
}

/** Shares 0 … 1 where known. */
export interface SystemInfo {
  readonly cpu_usage: number | null;
  readonly memory_usage: number | null;
  readonly disk_usage: number | null;
}

/** A session names one life of one worker; the worker's id is what stands before the mark. */
export function sessionOf(workerId: string, nonce: string): string {
  return `${workerId}~${nonce}`;
}

export function workerIdOf(session: string): string {
  const mark = session.lastIndexOf("~");
  return mark === -1 ? session : session.slice(0, mark);
}

/**
 * Reads the value of a key in the `workers` bucket. Null for what does not tell who beats and how often: its worker could
 * never be thought dead, and what it claimed would never run again.
 */
export function decodeWorkerBeat(body: string): WorkerBeat | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  return isWorkerBeat(value) ? value : null;
}

function isWorkerBeat(value: unknown): value is WorkerBeat {
  if (typeof value !== "object" || value === null) return false;
  const beat = value as Partial<Record<keyof WorkerBeat, unknown>>;
  return (
    typeof beat.worker_id === "string" &&
    beat.worker_id !== "" &&
    typeof beat.session === "string" &&
    (beat.status === "active" || beat.status === "draining") &&
    typeof beat.heartbeat_interval === "number" &&
    beat.heartbeat_interval > 0 &&
    Array.isArray(beat.capabilities) &&
    Array.isArray(beat.current_tasks) &&
    (beat.owner_id === undefined || typeof beat.owner_id === "number")
  );
}
