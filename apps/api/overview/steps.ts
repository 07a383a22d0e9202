import type { LiveTask, LiveTasks } from "@millrace/protocol";
import type { StepsNotice, StepView } from "@millrace/protocol/overview";

/** Steps that one notice names; beyond, nobody could read them, and a hundred viewers would cost. */
const STEPS_MAX = 60;
/** The internal id of a task begins with its time: see the migration of tasks. */
const SEQ_EPOCH_MS = 1_735_689_600_000;
const SEQS_PER_MS = 4_096;

/** Gathers steps between two notices: of each task the last one. */
export class StepGatherer {
  #steps = new Map<number, StepView>();
  #leftOut = 0;

  add({ worker_id: workerId, at, tasks }: LiveTasks): void {
    for (const task of tasks) {
      this.#leftOut += task.others ?? 0;
      if (this.#steps.size >= STEPS_MAX && !this.#steps.has(task.seq)) this.#leftOut += 1;
      else this.#steps.set(task.seq, viewOf(task, { at, workerId }));
    }
  }

  /** Null when nothing moved. */
  take(): StepsNotice | null {
    if (this.#steps.size === 0 && this.#leftOut === 0) return null;
    const notice = { steps: [...this.#steps.values()], left_out: this.#leftOut };
    this.#steps = new Map();
    this.#leftOut = 0;
    return notice;
  }
}

function viewOf(
  { seq, others: _, worker_id: runner, ...step }: LiveTask,
  { at, workerId }: { readonly at: string; readonly workerId: string },
): StepView {
  const createdAt = new Date(SEQ_EPOCH_MS + Math.floor(seq / SEQS_PER_MS)).toISOString();
  return {
    ...step,
    at,
    created_at: createdAt,
    worker_id: step.status === "pending" ? null : (runner ?? workerId),
  };
}
