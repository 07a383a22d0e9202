import type { Lane, TaskPhase, TaskStatus } from "@millrace/core";

/** One step of a task's life, as it is told on `live.tasks` to whoever listens. Not stored; the database has the truth. */
export interface LiveTask {
  readonly seq: number;
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly attempt: number;
  readonly task_type?: string;
  readonly lane?: Lane;
  readonly priority?: number;
  /** How long the attempt that this step ended had run. */
  readonly took_ms?: number;
  /** Who runs it, when it is not whoever tells it. */
  readonly worker_id?: string;
  /** So many more tasks took the same step with it, and are not named. */
  readonly others?: number;
}

/** How far a running attempt is, as its handler reports it, on `live.progress`. */
export interface LiveProgress {
  readonly seq: number;
  readonly attempt: number;
  /** 0 … 1. */
  readonly progress: number;
  readonly note?: string;
}

/** The body of a message on `live.tasks`: what happened on one worker in a moment, in order. */
export interface LiveTasks {
  readonly worker_id: string;
  readonly at: string;
  readonly tasks: readonly LiveTask[];
}

/** How far an upload is, on `live.files.<file_id>`; the last one says what became of it. */
export interface LiveFile {
  readonly v: 1;
  /** Bytes that have arrived. */
  readonly uploaded: number;
  /** Of the whole file; null while nobody has said it. */
  readonly size: number | null;
  readonly state: "uploading" | "uploaded" | "expired" | "deleted";
}
