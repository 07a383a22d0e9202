import type { TaskPhase, TaskStatus } from "@millrace/core";

/** What is told on `live.task.<seq>` when a task's life moves on. Not stored; the database has the truth. */
export interface LiveTask {
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly attempt: number;
  /** 0 … 1 while running. */
  readonly progress?: number;
  readonly note?: string;
  readonly worker_id?: string;
  readonly at: string;
}
