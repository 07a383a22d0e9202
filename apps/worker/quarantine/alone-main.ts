import { createLog, FdDestination, spanElsewhere } from "@millrace/observe";
import { traceFields } from "@millrace/protocol";
import { AttemptAborted, type RunEnd, runAttempt } from "../run-attempt.ts";
import { loadTaskType, type TaskLog, type TaskType } from "../task-type.ts";
import type { AloneNews, AloneOrder, AloneRunOrder } from "./alone-messages.ts";

/**
 * The process that runs one attempt alone: see `run-alone.ts`. It has the environment that a handler has in a worker, no
 * connections of ours, and ends with its worker, however that ends.
 */

const STDERR = 2;

const abort = new AbortController();
new Worker(new URL("./orphan-watch.ts", import.meta.url).href).unref();
process.on("disconnect", () => process.exit(0));
process.on("message", (order: AloneOrder) => {
  if (order.kind === "abort") abort.abort(new AttemptAborted(order.why, `the task was ${order.why}`));
  else void obey(order);
});

async function obey(order: AloneRunOrder): Promise<void> {
  const type = await loadTaskType(order.modulePath, order.ports);
  if (type === null || typeof type === "string")
    await say({ kind: "trouble", message: type ?? "its type is not offered here" });
  else {
    await say({ kind: "started" });
    await say({ kind: "end", end: await run(type, order) });
  }
  process.exit(0);
}

async function run(type: TaskType, order: AloneRunOrder): Promise<RunEnd> {
  const { taskId, attempt, payload, correlationId, timeoutMs, traceContext } = order;
  return await runAttempt({
    type,
    abort,
    timeoutMs,
    context: {
      ...{ taskId, attempt, payload, correlationId, timeoutMs },
      log: logOf(order),
      ...(traceContext !== undefined && { span: spanElsewhere(traceContext) }),
      reportProgress: (progress, note) =>
        void say({ kind: "progress", progress, ...(note !== undefined && { note: String(note) }) }),
    },
  });
}

/** Written at once and not later: the last line before a death is the one that counts. */
function logOf({ taskId, taskType, attempt, correlationId, traceContext }: AloneRunOrder): TaskLog {
  const about = {
    ...{ task_id: taskId, task_type: taskType, attempt, correlation_id: correlationId },
    ...traceFields(traceContext),
  };
  const stderr = new FdDestination({ fd: STDERR, lossLine: (lines) => `(${lines} lines were dropped)\n` });
  const flush = (): void => stderr.flush();
  const destination = {
    write: (line: string): void => {
      stderr.write(line);
      flush();
    },
    flush,
  };
  const log = createLog({ service: "worker", level: "DEBUG", format: "json", destination });
  return {
    debug: (message, fields) => log.debug(message, { ...about, ...fields }),
    info: (message, fields) => log.info(message, { ...about, ...fields }),
    warn: (message, fields) => log.warning(message, { ...about, ...fields }),
    error: (message, fields) => log.error(message, { ...about, ...fields }),
  };
}

/** Resolves when it is on its way: the process may end right after. */
function say(news: AloneNews): Promise<void> {
  return new Promise((resolve) => process.send?.(news, undefined, undefined, () => resolve()));
}
