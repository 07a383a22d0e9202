import type { AttemptOutcome, Json } from "@millrace/core";
import type { TaskContext, TaskPorts } from "@millrace/worker/task-type";
import httpRequest from "@millrace/worker/tasks/http-request";
import { taskContext } from "./task-context.ts";

export const LOOPBACK_ALLOWED: TaskPorts = { egress: { allowLoopback: true, allow: [] }, allowCrash: false };

export interface RunOptions {
  readonly ports?: TaskPorts;
  readonly context?: Partial<TaskContext>;
}

/** Runs attempts of `http.request`, each under the task id that `nextKey` gave last. */
export class HttpRequestRunner {
  /** The task's id, hence the Idempotency-Key: what tells the calls of one test from another's. */
  key = "";
  #keys = 0;

  nextKey(): void {
    this.#keys += 1;
    this.key = `task-${this.#keys}`;
  }

  run(payload: Json, options: RunOptions = {}): Promise<AttemptOutcome> {
    const context = taskContext(payload, { taskId: this.key, ...options.context });
    return httpRequest(options.ports ?? LOOPBACK_ALLOWED).run(context);
  }

  /** The result of an attempt that must complete. */
  // biome-ignore lint/suspicious/noExplicitAny: results are JSON, which the expectations look into.
  async result(payload: Json, ports: TaskPorts = LOOPBACK_ALLOWED): Promise<any> {
    const outcome = await this.run(payload, { ports });
    if (outcome.kind !== "completed") throw new Error(JSON.stringify(outcome));
    return outcome.result;
  }

  /** The outcome of an attempt that must fail. */
  async failure(payload: Json, ports: TaskPorts = LOOPBACK_ALLOWED) {
    const outcome = await this.run(payload, { ports });
    if (outcome.kind !== "failed") throw new Error(JSON.stringify(outcome));
    return outcome;
  }
}
