import { setTimeout as sleep } from "node:timers/promises";
import { hasEnded, type Task } from "@millrace/client";
import { countTasks, formatCounts } from "./counts.ts";
import type { Stage } from "./part.ts";

const LOOK_EVERY_MS = 300;
/** A part whose tasks have not ended by then has shown that something is wrong. */
const PART_MS_MAX = 45_000;
const PAGE_TASKS_MAX = 1_000;
/** Pages that are looked through for our tasks, when others submit theirs meanwhile. */
const PAGES_MAX = 20;

/** Shows how the tasks go until all have ended. Returns them as they were seen last; after 45 s, some are still open. */
export async function followTasks(
  stage: Stage,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, Task>> {
  const deadlineMs = performance.now() + PART_MS_MAX;
  const wanted = new Set(taskIds);
  for (;;) {
    const tasks = await lookAt(stage, wanted);
    const counts = formatCounts(countTasks(tasks.values()));
    const isOver = tasks.size === wanted.size && [...tasks.values()].every(hasEnded);
    if (isOver || performance.now() >= deadlineMs) {
      stage.board.settled(counts);
      return tasks;
    }
    stage.board.progress(counts);
    await sleep(LOOK_EVERY_MS, undefined, { signal: stage.signal });
  }
}

/** All at once by the list, newest first, instead of one call for each. */
async function lookAt({ client, signal }: Stage, wanted: ReadonlySet<string>): Promise<Map<string, Task>> {
  const seen = new Map<string, Task>();
  const limit = Math.min(PAGE_TASKS_MAX, wanted.size + 50);
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX && seen.size < wanted.size; page += 1) {
    const filter = cursor === null ? { limit } : { limit, cursor };
    const { items, next_cursor: next } = await client.tasks.list(filter, { signal });
    for (const task of items) if (wanted.has(task.task_id)) seen.set(task.task_id, task);
    if (next === null) break;
    cursor = next;
  }
  return seen;
}
