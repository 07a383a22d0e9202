import type { StepView } from "@millrace/protocol/overview";
import type { TaskLine } from "../../wire/shapes.ts";

export interface TaskFilter {
  readonly status: string;
  readonly taskType: string;
  readonly priority: string;
}

/**
 * The list after some tasks moved: what is shown changes, what does not fit the filter any more goes, and what is new
 * and fits comes in at its place, without a question to the API. Null when nothing in sight changed.
 */
export function applySteps(
  items: readonly TaskLine[],
  steps: readonly StepView[],
  { filter, isWhole }: { readonly filter: TaskFilter; readonly isWhole: boolean },
): readonly TaskLine[] | null {
  const byId = new Map(steps.map((step) => [step.task_id, step]));
  let hasChanged = false;
  const changed: TaskLine[] = [];
  for (const item of items) {
    const step = byId.get(item.task_id);
    if (step === undefined) {
      changed.push(item);
      continue;
    }
    byId.delete(item.task_id);
    hasChanged = true;
    const next = afterStep(item, step);
    if (fits(next, filter)) changed.push(next);
  }
  const oldest = isWhole ? "" : (items.at(-1)?.created_at ?? "");
  const fresh = [...byId.values()]
    .flatMap(lineOf)
    .filter((line) => line.created_at >= oldest && fits(line, filter));
  if (fresh.length === 0) return hasChanged ? changed : null;
  return [...changed, ...fresh].sort((a, b) => b.created_at.localeCompare(a.created_at));
}

function afterStep(item: TaskLine, step: StepView): TaskLine {
  return {
    ...item,
    status: step.status,
    phase: step.phase,
    attempts: Math.max(item.attempts, step.attempt),
    worker_id: step.worker_id ?? item.worker_id,
    progress: step.status === "running" ? item.progress : null,
  };
}

/** Null of a step that does not say what kind of task it is about. */
function lineOf(step: StepView): readonly TaskLine[] {
  const { task_id, status, phase, attempt, created_at, worker_id, task_type, lane, priority } = step;
  if (task_type === undefined || lane === undefined || priority === undefined) return [];
  const unknown = { max_attempts: null, progress: null };
  return [
    {
      task_id,
      task_type,
      status,
      phase,
      priority,
      lane,
      attempts: attempt,
      worker_id,
      created_at,
      ...unknown,
    },
  ];
}

function fits(line: TaskLine, { status, taskType, priority }: TaskFilter): boolean {
  return (
    (status === "" || line.status === status) &&
    (taskType === "" || line.task_type === taskType) &&
    (priority === "" || String(line.priority) === priority)
  );
}
