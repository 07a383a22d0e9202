import type { Task } from "@millrace/client";

/** Where the tasks of a part stand. Every task is in exactly one of the first five. */
export interface Counts {
  readonly pending: number;
  readonly running: number;
  readonly completed: number;
  readonly dead: number;
  readonly cancelled: number;
  /** Attempts beyond each task's first. */
  readonly retries: number;
}

export function countTasks(tasks: Iterable<Task>): Counts {
  const counts = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  let retries = 0;
  for (const task of tasks) {
    counts[task.status] += 1;
    retries += Math.max(0, task.attempts - 1);
  }
  const { failed, ...rest } = counts;
  return { ...rest, dead: failed, retries };
}

/** `completed 271  running 5  pending 20  dead 4  retries 97` */
export function formatCounts({ completed, running, pending, dead, retries }: Counts): string {
  return `completed ${completed}  running ${running}  pending ${pending}  dead ${dead}  retries ${retries}`;
}
