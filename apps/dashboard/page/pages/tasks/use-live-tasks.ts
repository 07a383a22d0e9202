import { useEffect, useRef } from "preact/hooks";
import { onSteps, own } from "../../state/overview.ts";
import type { Pages } from "../../state/pages.ts";
import type { Task, TaskLine } from "../../wire/shapes.ts";
import { applySteps, type TaskFilter } from "./apply-steps.ts";

export interface LivePage {
  readonly items: readonly TaskLine[];
  readonly total: number;
  readonly total_capped: boolean;
  readonly next_cursor: string | null;
}

/** How long a row that moved looks fresh. */
const FRESH_MS = 1_600;

/**
 * Keeps the list as it is now. Operators are told each step. Users are told only that their own counts changed, since
 * steps do not say whose task it is; then the first page is asked for again.
 */
export function useLiveTasks(
  pages: Pages<TaskLine, LivePage>,
  filter: TaskFilter,
): ReadonlyMap<string, number> {
  const { loaded } = pages;
  const freshUntil = useRef(new Map<string, number>());
  const current = useRef(filter);
  current.current = filter;
  useEffect(
    () =>
      onSteps(({ steps }) => {
        loaded.change((page) => {
          const options = { filter: current.current, isWhole: page.next_cursor === null };
          const items = applySteps(page.items, steps, options);
          if (items === null) return page;
          for (const { task_id: id } of steps) freshUntil.current.set(id, Date.now() + FRESH_MS);
          for (const [id, until] of freshUntil.current) if (until < Date.now()) freshUntil.current.delete(id);
          return { ...page, items, total: page.total + items.length - page.items.length };
        });
      }),
    [loaded.change],
  );
  useOwnChanges(loaded.reload);
  return freshUntil.current;
}

function useOwnChanges(reload: () => void): void {
  const counts = JSON.stringify(own.value?.counts ?? null);
  const seen = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (seen.current !== undefined && seen.current !== counts) reload();
    seen.current = counts;
  }, [counts, reload]);
}

/** Only what a list shows: payloads and results may be large, and ten thousand of them would be kept. */
export function lineOfTask(task: Task): TaskLine {
  const { task_id, task_type, status, phase, priority, lane, attempts, max_attempts, worker_id } = task;
  const { created_at, progress } = task;
  const place = { task_id, task_type, status, phase, priority, lane };
  return { ...place, attempts, max_attempts, worker_id, created_at, progress };
}
