import type { Json } from "@millrace/core";
import type { RunEnd } from "../run-attempt.ts";
import type { TaskPorts } from "../task-type.ts";

/** What a worker and the process that runs one task alone say to each other. */

/** What of the worker's ports can travel. */
export type AlonePorts = Pick<TaskPorts, "egress" | "allowCrash" | "tlsCa">;

export type AloneOrder = AloneRunOrder | { readonly kind: "abort"; readonly why: "cancelled" | "drained" };

export interface AloneRunOrder {
  readonly kind: "run";
  /** The file of the task's type. */
  readonly modulePath: string;
  readonly ports: AlonePorts;
  readonly taskId: string;
  readonly taskType: string;
  readonly attempt: number;
  readonly payload: Json;
  readonly correlationId: string;
  /** Of the attempt, where its trace is recorded: by the worker. */
  readonly traceContext?: string;
  readonly timeoutMs: number;
}

export type AloneNews =
  /** The handler is about to be called. */
  | { readonly kind: "started" }
  | { readonly kind: "progress"; readonly progress: number; readonly note?: string }
  | { readonly kind: "end"; readonly end: RunEnd }
  /** The task's type could not be loaded: nothing of the task has run. */
  | { readonly kind: "trouble"; readonly message: string };

/** Anything else comes from the handler, which shares the channel with us. */
export function isAloneNews(value: unknown): value is AloneNews {
  if (typeof value !== "object" || value === null) return false;
  const { kind, end, progress } = value as { kind?: unknown; end?: unknown; progress?: unknown };
  if (kind === "end") return typeof end === "object" && end !== null && "kind" in end;
  return kind === "started" || kind === "trouble" || (kind === "progress" && typeof progress === "number");
}
