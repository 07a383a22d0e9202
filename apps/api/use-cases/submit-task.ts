import { Fault, type Identity } from "@millrace/core";
import { type Span, withinSpan } from "@millrace/observe";
import {
  findTask,
  type GraphSubmission,
  isInGraph,
  type NewTask,
  orStoreFault,
  type Submission,
  submitGraph,
  type TaskRecord,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { graphErrors } from "../tasks/graph-problems.ts";
import { readTask } from "../tasks/read-task.ts";
import { isSameTask } from "../tasks/same-task.ts";
import type { TaskWish } from "../tasks/task-wish.ts";
import { viewNewTask, viewTask } from "../tasks/view-task.ts";

export interface TaskSubmission {
  readonly wish: TaskWish;
  readonly requestBytes: number;
  readonly correlationId: string;
  readonly span?: Span | undefined;
}

export interface SubmittedTask {
  /** False: the very same task was there already, or one that holds its key. */
  readonly isNew: boolean;
  readonly task: (ReturnType<typeof viewNewTask> | ReturnType<typeof viewTask>) & {
    readonly deduplicated?: true;
  };
}

/**
 * Stores a task and has it done. Resolves after the commit.
 * Throws VALIDATION_FAILED, PAYLOAD_TOO_LARGE, TASK_ID_CONFLICT, OVERLOADED, STORE_UNAVAILABLE.
 */
export async function submitTask(
  ports: Ports,
  identity: Identity,
  submission: TaskSubmission,
): Promise<SubmittedTask> {
  const { wish, requestBytes, correlationId, span } = submission;
  const submitter = { ownerId: identity.userId, correlationId, requestBytes, traceContext: span?.context };
  const reading = readTask(wish, submitter, ports.taskRules);
  if (!reading.ok) throw refusal(reading.code, reading.errors);
  const { task } = reading;
  const isDelayed = wish.delay !== undefined;
  const [answer] = await withinSpan<readonly (Submission | GraphSubmission)[]>(span, "store task", () =>
    isInGraph(task)
      ? submitChild(ports, { task, isDelayed, requestBytes })
      : ports.intake.submit([task], requestBytes),
  );
  if (answer?.kind === "stored")
    return { isNew: true, task: viewNewTask(task, answer.createdAt, answer.waitingFor) };
  if (answer?.kind === "refused") throw refusal("VALIDATION_FAILED", graphErrors(task, answer.problem));
  if (answer?.kind === "deduplicated")
    return { isNew: false, task: { ...(await holderOf(ports, answer.taskId)), deduplicated: true } };
  return { isNew: false, task: await existing(ports, task, isDelayed) };
}

interface Child {
  readonly task: NewTask;
  readonly isDelayed: boolean;
  readonly requestBytes: number;
}

async function submitChild(
  ports: Ports,
  { task, isDelayed, requestBytes }: Child,
): Promise<readonly GraphSubmission[]> {
  const isSame = (_: number, stored: TaskRecord) => isSameTask(task, stored, isDelayed);
  const answers = await ports.intake.transact(
    (transaction) => submitGraph(transaction, { tasks: [task], refused: new Set(), isSame }),
    requestBytes,
  );
  ports.intake.dispatch([task], answers);
  ports.intake.tellEnds(); // A parent may have failed already.
  return answers;
}

function refusal(code: "VALIDATION_FAILED" | "PAYLOAD_TOO_LARGE", errors: Fault["errors"]): Fault {
  const [first] = errors;
  return new Fault(code, `in the body: ${first?.path ?? ""} ${first?.message ?? "is not valid"}`, { errors });
}

/** It was there a moment ago, in the transaction that met it. */
async function holderOf(ports: Ports, taskId: string) {
  const holder = await orStoreFault(findTask(ports.hotSql, taskId));
  if (holder === null)
    throw new Fault("NOT_FOUND", `the task ${taskId} holds the key, and has just been dropped`);
  return viewTask(holder, ports.live);
}

async function existing(ports: Ports, task: NewTask, isDelayed: boolean) {
  const stored = await orStoreFault(findTask(ports.hotSql, task.task_id));
  if (stored !== null && isSameTask(task, stored, isDelayed)) return viewTask(stored, ports.live);
  throw new Fault("TASK_ID_CONFLICT", `the id ${task.task_id} belongs to a task with other content`, {
    errors: [{ path: "/task_id", message: "belongs to another task" }],
  });
}
