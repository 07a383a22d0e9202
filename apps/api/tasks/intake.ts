import type { CancelNotice, Outgoing } from "@millrace/bus";
import { GroupCommit } from "@millrace/core";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { Log } from "@millrace/observe";
import type { LiveTask } from "@millrace/protocol";
import {
  classifyStoreFailure,
  type DueDispatch,
  EndTeller,
  firstDispatch,
  type GraphSubmission,
  isKeyed,
  joinAnswers,
  loadDispatches,
  type NewTask,
  orStoreFault,
  type Sql,
  type Submission,
  submitKeyed,
  submitTasks,
  type Transaction,
} from "@millrace/store";
import type { TaskMetrics } from "./task-metrics.ts";

/** What the api says to JetStream. */
export interface Dispatcher {
  publish(messages: readonly Outgoing[]): Promise<unknown>;
  /** To the worker that runs it. */
  tellCancelled(notice: CancelNotice): void;
  /** To whoever follows the task: what this process did to it. */
  tell(step: LiveTask): void;
}

export interface IntakeOptions {
  readonly sql: Sql;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly metrics?: TaskMetrics;
}

type Answer = Submission | GraphSubmission;

interface Work {
  readonly bytes: number;
  run(): Promise<undefined>;
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
  readonly #keyed: GroupCommit<Row, Submission>;
  readonly #transactions: GroupCommit<Work, undefined>;
  readonly #endTeller: EndTeller;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#group = groupOf(options, submitTasks);
    this.#keyed = groupOf(options, submitKeyed);
    this.#transactions = new GroupCommit<Work, undefined>({
      commit: async ([work]) => [await work?.run()],
      rowsMax: 1,
      bytesOf: (work) => work.bytes,
    });
    this.#endTeller = new EndTeller({
      sql: options.sql,
      publish: (due) => options.dispatcher.publish(due.map(messageOf)),
      tell: (step) => options.dispatcher.tell(step),
      onFailure: (error) =>
        options.log.warning("children of ended tasks are left to the scheduler", { error }),
    });
  }

  /** @param bytes what the tasks came in, together */
  async submit(tasks: readonly NewTask[], bytes: number): Promise<readonly Submission[]> {
    const each = bytes / Math.max(1, tasks.length);
    const startedMs = performance.now();
    const rows = tasks.map((task) => ({ task, bytes: each }));
    const answers = await (tasks.some(isKeyed) ? this.#addMixed(tasks, rows) : this.#group.addAll(rows));
    this.#options.metrics?.committed((performance.now() - startedMs) / 1_000);
    this.dispatch(tasks, answers);
    return answers;
  }

  /** Those that stand for a key go apart, so that the others never wait for one. */
  async #addMixed(tasks: readonly NewTask[], rows: readonly Row[]): Promise<readonly Submission[]> {
    const [keyed, plain] = await Promise.all([
      this.#keyed.addAll(rows.filter(({ task }) => isKeyed(task))),
      this.#group.addAll(rows.filter(({ task }) => !isKeyed(task))),
    ]);
    return joinAnswers(tasks, keyed, plain);
  }

  /**
   * For what needs a transaction of its own, such as a graph. A few at once; who waits is bounded by the bytes that it
   * holds, as in `submit`. Run again after a deadlock.
   */
  async transact<T>(run: (transaction: Transaction) => Promise<T>, bytes: number): Promise<T> {
    const done = Promise.withResolvers<T>();
    const { sql } = this.#options;
    await this.#transactions.add({
      bytes,
      run: async () => {
        const result = await orStoreFault(repeated(() => sql.begin((transaction) => run(transaction))));
        done.resolve(result as T); // What the library makes of a promise's type is the type itself.
        return undefined;
      },
    });
    return await done.promise;
  }

  /** Tells the children of tasks that this process has ended, or found to have ended. In the background. */
  tellEnds(): void {
    this.#endTeller.nudge();
  }

  /** Publishes what was stored; for callers with a transaction of their own, too. */
  dispatch(tasks: readonly NewTask[], answers: readonly Answer[]): void {
    const nowMs = Date.now();
    const messages: Outgoing[] = [];
    this.#tell(tasks, answers);
    for (const [index, task] of tasks.entries()) {
      const answer = answers[index];
      const dueAtMs = task.run_at === null ? nowMs : Date.parse(task.run_at);
      if (answer?.kind !== "stored" || isWaiting(answer) || dueAtMs > nowMs + SCHEDULE_HORIZON_MS) continue;
      messages.push({
        dispatch: firstDispatch(task, answer.seq, answer.route),
        ...(dueAtMs > nowMs && { dueAtMs }),
      });
    }
    this.publish(messages);
    this.#noteDeduplicated(tasks, answers);
  }

  /** A debounced task that was put off gets a message for its new time, which takes the place of the former one. */
  #noteDeduplicated(tasks: readonly NewTask[], answers: readonly Answer[]): void {
    const met = tasks.filter((_, index) => answers[index]?.kind === "deduplicated");
    if (met.length === 0) return;
    this.#options.metrics?.deduplicated(met);
    const moved = answers.flatMap((answer) =>
      answer.kind === "deduplicated" && answer.isMoved ? [answer.seq] : [],
    );
    if (moved.length > 0) void this.#publishMoved(moved);
  }

  async #publishMoved(seqs: readonly number[]): Promise<void> {
    try {
      const due = await loadDispatches(this.#options.sql, seqs);
      const horizonMs = Date.now() + SCHEDULE_HORIZON_MS;
      this.publish(due.map(messageOf).filter(({ dueAtMs }) => dueAtMs <= horizonMs));
    } catch (error) {
      this.#options.log.warning("debounced tasks are put off, and their messages left to the worker", {
        tasks: seqs.length,
        error,
      });
    }
  }

  /** To whoever watches the queue: a few of them by name, and how many. */
  #tell(tasks: readonly NewTask[], answers: readonly Answer[]): void {
    const stored = tasks.flatMap((task, index) => {
      const answer = answers[index];
      return answer?.kind === "stored" ? [{ task, seq: answer.seq, isHeld: isWaiting(answer) }] : [];
    });
    this.#options.metrics?.stored(stored.map(({ task }) => task));
    const unnamed = stored.length - Math.min(stored.length, NAMED_MAX);
    for (const [index, { task, seq, isHeld }] of stored.slice(0, NAMED_MAX).entries()) {
      const { task_id, task_type, lane, priority } = task;
      const step = { seq, task_id, task_type, lane, priority, status: "pending", attempt: 0 } as const;
      const own = task.run_at === null ? "queued" : "scheduled";
      const phase = isHeld ? "waiting" : own;
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

  async drain(): Promise<void> {
    await Promise.all([this.#group.drain(), this.#keyed.drain(), this.#transactions.drain()]);
    await this.#endTeller.drain();
  }
}

function isWaiting(answer: Extract<Answer, { kind: "stored" }>): boolean {
  return (answer.waitingFor ?? 0) > 0;
}

function groupOf({ sql, metrics }: IntakeOptions, submit: typeof submitTasks): GroupCommit<Row, Submission> {
  return new GroupCommit<Row, Submission>({
    commit: (rows) => {
      const tasks = rows.map((row) => row.task);
      return orStoreFault(repeated(() => submit(sql, tasks)));
    },
    bytesOf: (row) => row.bytes,
    ...(metrics !== undefined && { onGroup: metrics.onGroup }),
  });
}

function messageOf({ dispatch, readyAt }: DueDispatch): Required<Pick<Outgoing, "dispatch" | "dueAtMs">> {
  return { dispatch, dueAtMs: readyAt.getTime() };
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
