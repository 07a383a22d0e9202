import type { Outgoing } from "@millrace/bus";
import { GroupCommit } from "@millrace/core";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { Log } from "@millrace/observe";
import type { LiveTask } from "@millrace/protocol";
import {
  classifyStoreFailure,
  firstDispatch,
  type NewTask,
  orStoreFault,
  type Sql,
  type Submission,
  submitTasks,
} from "@millrace/store";

/** What the api says to JetStream. */
export interface Dispatcher {
  publish(messages: readonly Outgoing[]): Promise<unknown>;
  /** To the worker that runs it. */
  tellCancelled(notice: { readonly seq: number; readonly attempt: number; readonly session: string }): void;
  /** To whoever follows the task: what this process did to it. */
  tell(step: LiveTask): void;
}

export interface IntakeOptions {
  readonly sql: Sql;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly onGroup?: (rows: number) => void;
}

interface Row {
  readonly task: NewTask;
  readonly bytes: number;
}

const REPEATS_MAX = 3;
/** Tasks of one request that are told by name: people cannot read faster, and the message would cost. */
const NAMED_MAX = 20;

/**
 * The way in: tasks of concurrent requests are stored together, and published once they are. The answer waits for the
 * commit and not for the publication: what does not reach JetStream now, the reconciler brings there.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #group: GroupCommit<Row, Submission>;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#group = new GroupCommit<Row, Submission>({
      commit: (rows) => {
        const tasks = rows.map((row) => row.task);
        return orStoreFault(repeated(() => submitTasks(options.sql, tasks)));
      },
      bytesOf: (row) => row.bytes,
      ...(options.onGroup !== undefined && { onGroup: options.onGroup }),
    });
  }

  /** @param bytes what the tasks came in, together */
  async submit(tasks: readonly NewTask[], bytes: number): Promise<readonly Submission[]> {
    const each = bytes / Math.max(1, tasks.length);
    const answers = await this.#group.addAll(tasks.map((task) => ({ task, bytes: each })));
    this.dispatch(tasks, answers);
    return answers;
  }

  /** Publishes what was stored; for callers with a transaction of their own, too. */
  dispatch(tasks: readonly NewTask[], answers: readonly Submission[]): void {
    const nowMs = Date.now();
    const messages: Outgoing[] = [];
    this.#tell(tasks, answers);
    for (const [index, task] of tasks.entries()) {
      const answer = answers[index];
      const dueAtMs = task.run_at === null ? nowMs : Date.parse(task.run_at);
      if (answer?.kind !== "stored" || dueAtMs > nowMs + SCHEDULE_HORIZON_MS) continue;
      messages.push({ dispatch: firstDispatch(task, answer.seq), ...(dueAtMs > nowMs && { dueAtMs }) });
    }
    this.publish(messages);
  }

  /** To whoever watches the queue: a few of them by name, and how many. */
  #tell(tasks: readonly NewTask[], answers: readonly Submission[]): void {
    const stored = tasks.flatMap((task, index) => {
      const answer = answers[index];
      return answer?.kind === "stored" ? [{ task, seq: answer.seq }] : [];
    });
    const unnamed = stored.length - Math.min(stored.length, NAMED_MAX);
    for (const [index, { task, seq }] of stored.slice(0, NAMED_MAX).entries()) {
      const { task_id, task_type, lane, priority } = task;
      const step = { seq, task_id, task_type, lane, priority, status: "pending", attempt: 0 } as const;
      const phase = task.run_at === null ? "queued" : "scheduled";
      this.#options.dispatcher.tell({
        ...step,
        phase,
        ...(index === 0 && unnamed > 0 && { others: unnamed }),
      });
    }
  }

  publish(messages: readonly Outgoing[]): void {
    if (messages.length === 0) return;
    this.#options.dispatcher.publish(messages).catch((error: unknown) => {
      this.#options.log.warning("tasks are stored, and their messages are left to the scheduler", {
        tasks: messages.length,
        error,
      });
    });
  }

  drain(): Promise<void> {
    return this.#group.drain();
  }
}

/** Deadlocks and their like: nothing was committed, and the same transaction may succeed at once. */
export async function repeated<T>(transaction: () => Promise<T>): Promise<T> {
  for (let repeats = 0; ; repeats++) {
    try {
      return await transaction();
    } catch (error) {
      if (classifyStoreFailure(error).kind !== "repeat" || repeats >= REPEATS_MAX) throw error;
    }
  }
}
