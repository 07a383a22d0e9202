import { WAIT_MS_DEFAULT } from "./bounds.ts";
import { WaitTimeoutError } from "./errors.ts";
import type { GraphAction, GraphScope, TaskGraph } from "./graph-types.ts";
import type { TaskWhy } from "./guard-types.ts";
import { isTaskWhy } from "./guards.ts";
import {
  expectShape,
  isAttempts,
  isBatchAnswer,
  isGraphAction,
  isTask,
  isTaskGraph,
  isTaskPage,
} from "./shapes.ts";
import { makeTaskId } from "./task-id.ts";
import type { CallOptions, Transport } from "./transport.ts";
import type { Attempt, BatchAnswer, Page, Task, TaskFilter, TaskRequest } from "./types.ts";
import { pollTask, type WatchTask } from "./watch-task.ts";

export interface BatchOptions extends CallOptions {
  /** True: all of them or none (for graphs). False, the default: each gets its own verdict. */
  readonly isAtomic?: boolean;
}

export interface WaitOptions extends CallOptions {
  readonly timeoutMs?: number;
  /** Called with each state that was seen, the last one included. */
  readonly onSight?: (task: Task) => void;
}

interface ActionOnAll {
  readonly taskId: string;
  readonly scope: GraphScope;
  readonly action: "cancel" | "retry";
  readonly isRepeatable: boolean;
}

export class TasksClient {
  readonly #transport: Transport;
  readonly #watch: WatchTask;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#watch = pollTask({ clock: transport.clock, get: (taskId, signal) => this.get(taskId, { signal }) });
  }

  /**
   * The task, committed. With the id and content of an earlier one: that one, as it is by now. With a key that another task
   * holds: that one, with `deduplicated`.
   * @throws ApiError TASK_ID_CONFLICT, VALIDATION_FAILED, …
   */
  async submit(request: TaskRequest, options: CallOptions = {}): Promise<Task> {
    const body = this.#withId(request);
    const call = { method: "POST", path: "/api/tasks", body, isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isTask);
  }

  /**
   * Up to 10 000 at once; `items` has a verdict for each, in the order of the request.
   * @throws ApiError when nothing of it was taken: it is not a batch, or `isAtomic` and one of it was refused
   */
  async submitBatch(requests: readonly TaskRequest[], options: BatchOptions = {}): Promise<BatchAnswer> {
    const { isAtomic = false, ...rest } = options;
    const reply = await this.#transport.call({
      method: "POST",
      path: "/api/tasks/batch",
      query: { atomic: isAtomic ? true : undefined },
      body: requests.map((request) => this.#withId(request)),
      isRepeatable: true,
      ...rest,
    });
    return expectShape(reply, isBatchAnswer);
  }

  /** @throws ApiError NOT_FOUND */
  async get(taskId: string, options: CallOptions = {}): Promise<Task> {
    const call = { method: "GET", path: taskPath(taskId), isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isTask);
  }

  /** Newest first. For more than one page, pass the last page's `next_cursor` on as `cursor`. */
  async list(filter: TaskFilter = {}, options: CallOptions = {}): Promise<Page<Task>> {
    const call = {
      method: "GET",
      path: "/api/tasks",
      query: { ...filter },
      isRepeatable: true,
      ...options,
    } as const;
    return expectShape(await this.#transport.call(call), isTaskPage);
  }

  /** First to last, the running one included. */
  async attempts(taskId: string, options: CallOptions = {}): Promise<readonly Attempt[]> {
    const path = `${taskPath(taskId)}/attempts`;
    const reply = await this.#transport.call({ method: "GET", path, isRepeatable: true, ...options });
    return expectShape(reply, isAttempts).items;
  }

  /** What it waits for, where it runs, or how it ended. @throws ApiError NOT_FOUND */
  async why(taskId: string, options: CallOptions = {}): Promise<TaskWhy> {
    const path = `${taskPath(taskId)}/why`;
    const reply = await this.#transport.call({ method: "GET", path, isRepeatable: true, ...options });
    return expectShape(reply, isTaskWhy);
  }

  /**
   * Ends it, also while it runs. Cancelling what is cancelled changes nothing.
   * @throws ApiError TASK_STATE_CONFLICT when it has completed or failed
   */
  async cancel(taskId: string, options: CallOptions = {}): Promise<Task> {
    const path = `${taskPath(taskId)}/cancel`;
    const reply = await this.#transport.call({ method: "POST", path, isRepeatable: true, ...options });
    return expectShape(reply, isTask);
  }

  /**
   * Brings a failed or cancelled task back. Not repeated when its answer is lost: by then it may have failed again, and
   * would get a further round that nobody asked for.
   */
  async retry(taskId: string, options: CallOptions = {}): Promise<Task> {
    const path = `${taskPath(taskId)}/retry`;
    const reply = await this.#transport.call({ method: "POST", path, isRepeatable: false, ...options });
    return expectShape(reply, isTask);
  }

  /** Everything that is connected with the task by dependencies, and where it stands. */
  async graph(taskId: string, options: CallOptions = {}): Promise<TaskGraph> {
    const path = `${taskPath(taskId)}/graph`;
    const reply = await this.#transport.call({ method: "GET", path, isRepeatable: true, ...options });
    return expectShape(reply, isTaskGraph);
  }

  /** Ends all of them that have not ended. What a task alone does to others when it is cancelled: they fail. */
  async cancelAll(taskId: string, scope: GraphScope, options: CallOptions = {}): Promise<GraphAction> {
    return await this.#actOnAll({ taskId, scope, action: "cancel", isRepeatable: true }, options);
  }

  /** Brings all of them back that have failed or were cancelled. Not repeated, as `retry`. */
  async retryAll(taskId: string, scope: GraphScope, options: CallOptions = {}): Promise<GraphAction> {
    return await this.#actOnAll({ taskId, scope, action: "retry", isRepeatable: false }, options);
  }

  /**
   * The task once it is completed, failed or cancelled; how it ended is no error here.
   * @throws WaitTimeoutError; the task itself goes on
   */
  async waitFor(taskId: string, options: WaitOptions = {}): Promise<Task> {
    const { timeoutMs = WAIT_MS_DEFAULT, onSight, signal } = options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    let seen: Task | null = null;
    try {
      for await (const task of this.#watch(taskId, either)) {
        seen = task;
        onSight?.(task);
        if (hasEnded(task)) return task;
      }
    } catch (error) {
      if (!timeout.aborted || signal?.aborted === true) throw error;
    }
    throw new WaitTimeoutError(taskId, timeoutMs, seen);
  }

  async #actOnAll({ taskId, scope, action, isRepeatable }: ActionOnAll, options: CallOptions) {
    const reply = await this.#transport.call({
      method: "POST",
      path: `${taskPath(taskId)}/${action}`,
      query: { [scope]: true },
      isRepeatable,
      ...options,
    });
    return expectShape(reply, isGraphAction);
  }

  #withId(request: TaskRequest): TaskRequest {
    if (request.task_id !== undefined) return request;
    return { ...request, task_id: makeTaskId(this.#transport.clock.nowMs()) };
  }
}

export function hasEnded(task: Pick<Task, "status">): boolean {
  return task.status === "completed" || task.status === "failed" || task.status === "cancelled";
}

function taskPath(taskId: string): string {
  return `/api/tasks/${encodeURIComponent(taskId)}`;
}
