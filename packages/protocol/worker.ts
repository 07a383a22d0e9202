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

export function decodeWorkerBeat(body: string): WorkerBeat | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("worker_id" in value) || !("session" in value))
      return null;
    return value as WorkerBeat; // The bucket is written by workers and by the api, which checks what comes from outside.
  } catch {
    return null;
  }
}
