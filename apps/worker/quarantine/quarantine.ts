import { DEATHS_BESIDE_OTHERS_MAX } from "@millrace/core/limits";
import { type CounterMetric, redactText } from "@millrace/observe";
import type { Dispatch } from "@millrace/protocol";
import type { RunEnd } from "../run-attempt.ts";
import type { TaskContext, TaskType } from "../task-type.ts";
import type { AlonePorts } from "./alone-messages.ts";
import { type AloneEnd, runAlone } from "./run-alone.ts";

export interface QuarantineOptions {
  readonly ports: AlonePorts;
  readonly memoryBytesMax: number;
  readonly runs: CounterMetric<"end">;
  /** Is given what tasks in quarantine write, as it comes. */
  readonly echo?: (bytes: Uint8Array) => void;
}

export interface AloneAttempt {
  readonly type: TaskType;
  readonly context: Omit<TaskContext, "signal">;
  readonly signal: AbortSignal;
}

/**
 * Where tasks run that workers have died with: one at a time, each in a process of its own. What dies there is not tried
 * again; what completes has only been beside the one that did it.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;
  #isTaken = false;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  /** Files have a quarantine of their own; a type that was made in this process cannot be made in another. */
  concerns({ runs_alone, lane }: Dispatch, { modulePath }: TaskType): boolean {
    return runs_alone === true && lane !== "file" && modulePath !== undefined;
  }

  /** False: another task has the place. */
  enter(): boolean {
    if (this.#isTaken) return false;
    this.#isTaken = true;
    return true;
  }

  leave(): void {
    this.#isTaken = false;
  }

  async run({
    type,
    context,
    signal,
  }: AloneAttempt): Promise<{ readonly end: RunEnd; readonly log: string }> {
    const { ports, memoryBytesMax, runs, echo } = this.#options;
    const { taskId, attempt, payload, correlationId, timeoutMs } = context;
    const { end, log } = await runAlone({
      order: {
        ...{ kind: "run", modulePath: type.modulePath ?? "", taskType: type.taskType, ports },
        ...{ taskId, attempt, payload, correlationId, timeoutMs },
        ...(context.span !== undefined && { traceContext: context.span.context }),
      },
      signal,
      memoryBytesMax,
      onProgress: (progress, note) => context.reportProgress(progress, note),
      ...(echo !== undefined && { echo }),
    });
    runs.add({ end: end.kind === "ended" ? end.end.kind : end.kind });
    if (end.kind === "died") context.log.error("a task in quarantine ended its process", { how: end.how });
    return { end: outcomeOf(end), log: log.split("\n").map(redactText).join("\n") };
  }
}

function outcomeOf(end: AloneEnd): RunEnd {
  switch (end.kind) {
    case "ended":
      return end.end;
    case "died": {
      const message = `${DEATHS_BESIDE_OTHERS_MAX} workers or more died with it, and then the process in which it ran alone (${end.how}): it is not tried again`;
      return { kind: "failed", error: { code: "QUARANTINED", message }, isRetryable: false };
    }
    case "not_started":
      return {
        kind: "failed",
        error: { code: "QUARANTINE_NOT_STARTED", message: end.why },
        isRetryable: true,
      };
  }
}
