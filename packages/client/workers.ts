import { expectShape, isObject } from "./shapes.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";
import type { Json } from "./types.ts";
import type {
  HeartbeatAnswer,
  LeaseAnswer,
  LeasedTask,
  LeaseEnd,
  LeaseFailure,
  LeaseProgress,
  RegisteredWorker,
  WorkerHeartbeat,
  WorkerInfo,
  WorkerRegistration,
} from "./worker-types.ts";

/** How much longer than it was asked to wait a lease may take to answer. */
const LEASE_GRACE_MS = 10_000;

type Held = Pick<LeasedTask, "task_id" | "lease_token" | "traceparent" | "tracestate">;

/** Who works; and the words of a worker that speaks HTTP, which `defineWorker` puts together. */
export class WorkersClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<readonly WorkerInfo[]> {
    const call = { method: "GET", path: "/api/workers", isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isList).items;
  }

  /** @throws ApiError NOT_FOUND */
  async get(workerId: string, options: CallOptions = {}): Promise<WorkerInfo> {
    const call = { method: "GET", path: pathOf(workerId), isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isWorker);
  }

  /**
   * It is given nothing new. One that speaks HTTP: for its owner, and for operators. One of the product's own: for
   * operators, and until they resume it, also when it is started again. @throws ApiError NOT_FOUND, FORBIDDEN
   */
  async drain(workerId: string, options: CallOptions = {}): Promise<void> {
    const path = pathOf(workerId, "/drain");
    await this.#transport.call({ method: "POST", path, isRepeatable: true, ...options });
  }

  /** It is given tasks again. @throws ApiError NOT_FOUND */
  async resume(workerId: string, options: CallOptions = {}): Promise<void> {
    const path = pathOf(workerId, "/resume");
    await this.#transport.call({ method: "POST", path, isRepeatable: true, ...options });
  }

  /** What it still has runs elsewhere, and counts as no failure. A second time finds nothing. */
  async remove(workerId: string, options: CallOptions = {}): Promise<void> {
    const call = { method: "DELETE", path: pathOf(workerId), isRepeatable: true, ...options } as const;
    await this.#transport.call({ ...call, alsoAnswers: [404] });
  }

  /** Doing it twice is doing it once only with an `instance`. */
  async register(wish: WorkerRegistration, options: CallOptions = {}): Promise<RegisteredWorker> {
    const isRepeatable = wish.instance !== undefined;
    return await this.#post("/api/workers/register", isRegistered, { body: wish, isRepeatable, ...options });
  }

  async heartbeat(
    workerId: string,
    beat: WorkerHeartbeat,
    options: CallOptions = {},
  ): Promise<HeartbeatAnswer> {
    return await this.#post(pathOf(workerId, "/heartbeat"), isBeatAnswer, {
      body: beat,
      isRepeatable: true,
      ...options,
    });
  }

  /** Never asked again by itself: what a lost answer gave goes to somebody else when its lease runs out. */
  async lease(
    workerId: string,
    wish: { readonly max_tasks: number; readonly wait_seconds: number; readonly session?: string },
    options: CallOptions = {},
  ): Promise<LeaseAnswer> {
    const timeoutMs = wish.wait_seconds * 1_000 + LEASE_GRACE_MS;
    const call = { body: wish, isRepeatable: false, timeoutMs, ...options };
    return await this.#post(pathOf(workerId, "/lease"), isLeaseAnswer, call);
  }

  /** @throws ApiError LEASE_LOST: nothing was written down. */
  async complete(task: Held, result: Json, options: CallOptions = {}): Promise<LeaseEnd> {
    const body = { lease_token: task.lease_token, result };
    return await this.#post(taskPath(task, "complete"), isEnd, {
      ...{ body, isRepeatable: true, headers: traceHeaders(task) },
      ...options,
    });
  }

  /** @throws ApiError LEASE_LOST */
  async fail(task: Held, failure: LeaseFailure, options: CallOptions = {}): Promise<LeaseEnd> {
    const { code, message, retryable, retry_after } = failure;
    const error = { message, ...(code !== undefined && { code }) };
    const body = { lease_token: task.lease_token, error, retryable, retry_after };
    const headers = traceHeaders(task);
    return await this.#post(taskPath(task, "fail"), isEnd, { body, headers, isRepeatable: true, ...options });
  }

  /** Extends the lease. @throws ApiError LEASE_LOST */
  async progress(
    task: Held,
    told: { readonly progress?: number; readonly note?: string } = {},
    options: CallOptions = {},
  ): Promise<LeaseProgress> {
    const body = { lease_token: task.lease_token, ...told };
    return await this.#post(taskPath(task, "progress"), isProgress, { body, isRepeatable: true, ...options });
  }

  async #post<T>(
    path: string,
    is: (value: unknown) => value is T,
    call: CallOptions & Pick<Call, "body" | "headers" | "isRepeatable" | "timeoutMs">,
  ): Promise<T> {
    return expectShape(await this.#transport.call({ method: "POST", path, ...call }), is);
  }
}

/** For what is called on behalf of a leased task: its trace goes on there. Empty when it is not recorded. */
export function traceHeaders({
  traceparent,
  tracestate,
}: Pick<LeasedTask, "traceparent" | "tracestate">): Readonly<Record<string, string>> {
  if (traceparent === undefined) return {};
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}

function pathOf(workerId: string, rest = ""): string {
  return `/api/workers/${encodeURIComponent(workerId)}${rest}`;
}

function taskPath({ task_id: taskId }: Held, word: string): string {
  return `/api/tasks/${encodeURIComponent(taskId)}/${word}`;
}

function isList(value: unknown): value is { readonly items: readonly WorkerInfo[] } {
  return isObject(value) && Array.isArray(value.items) && value.items.every(isWorker);
}

function isWorker(value: unknown): value is WorkerInfo {
  return isObject(value) && typeof value.worker_id === "string" && Array.isArray(value.capabilities);
}

function isRegistered(value: unknown): value is RegisteredWorker {
  return (
    isObject(value) &&
    typeof value.session === "string" &&
    typeof value.heartbeat_interval === "number" &&
    typeof value.lease_seconds === "number"
  );
}

function isBeatAnswer(value: unknown): value is HeartbeatAnswer {
  return isObject(value) && typeof value.drain === "boolean" && Array.isArray(value.cancelled);
}

function isLeaseAnswer(value: unknown): value is LeaseAnswer {
  return isBeatAnswer(value) && "tasks" in value && Array.isArray(value.tasks);
}

function isEnd(value: unknown): value is LeaseEnd {
  return isObject(value) && typeof value.outcome === "string";
}

function isProgress(value: unknown): value is LeaseProgress {
  return isObject(value) && typeof value.cancelled === "boolean";
}
