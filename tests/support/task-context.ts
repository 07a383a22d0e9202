import type { Json } from "@millrace/core";
import type { TaskContext, TaskLog } from "@millrace/worker/task-type";

const quiet: TaskLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The context of one attempt, for tests of task types by themselves. */
export function taskContext(payload: Json, overrides: Partial<TaskContext> = {}): TaskContext {
  return {
    taskId: "task-1",
    attempt: 1,
    payload,
    signal: new AbortController().signal,
    timeoutMs: 30_000,
    correlationId: "correlation-1",
    log: quiet,
    reportProgress: () => {},
    ...overrides,
  };
}
