import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type AttemptOutcome, isTaskType, type Json } from "@millrace/core";
import type { Span } from "@millrace/observe";
import type { Lookup } from "./egress/lookup.ts";
import type { EgressPolicy } from "./egress/policy.ts";
import type { FilePorts } from "./files/start-files.ts";

/** A log that already knows the task, the attempt and the correlation id. */
export interface TaskLog {
  debug(message: string, fields?: Readonly<Record<string, Json>>): void;
  info(message: string, fields?: Readonly<Record<string, Json>>): void;
  warn(message: string, fields?: Readonly<Record<string, Json>>): void;
  error(message: string, fields?: Readonly<Record<string, Json>>): void;
}

/** One attempt, as its handler sees it. */
export interface TaskContext {
  readonly taskId: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** With the parents' results in place of their templates. */
  readonly payload: Json;
  /** Aborts on time-out, cancellation and drain: the handler must then end soon, by rejecting with the signal's reason. */
  readonly signal: AbortSignal;
  /** How long this attempt may take in all; the signal enforces it. */
  readonly timeoutMs: number;
  readonly correlationId: string;
  readonly log: TaskLog;
  /** Of the attempt; absent: its trace is not recorded. `span.context` is for what is called on its behalf. */
  readonly span?: Span;
  /** 0 … 1, with a note for people. */
  reportProgress(progress: number, note?: string): void;
}

export interface TaskType {
  readonly taskType: string;
  /** Where it was loaded from, so that another process can load it; `loadTaskTypes` sets it. */
  readonly modulePath?: string;
  /**
   * Runs one attempt. Failures that the task can expect are values. A throw is an error of the handler, except that an
   * aborted attempt rejects with `context.signal.reason`; the runner, who aborted it, knows what to make of that.
   */
  run(context: TaskContext): Promise<AttemptOutcome>;
}

/** What the worker lends to its task types. */
export interface TaskPorts {
  readonly egress: EgressPolicy;
  /** Whether a `simulate` task may kill this process. */
  readonly allowCrash: boolean;
  readonly lookup?: Lookup;
  /** PEM of the authorities to trust in place of the system's. */
  readonly tlsCa?: string;
  /** Absent: this worker takes no files. */
  readonly files?: FilePorts;
  /** Waits, and rejects with the signal's reason on abort. */
  readonly sleep?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

const MODULE = /^[^._].*(?<!\.d)\.(ts|js|mjs)$/;

/**
 * Loads each file of the folder as one task type: its default export is a TaskType, or a function from the ports to one;
 * null stands for a type that this worker does not offer.
 * Subfolders and names that begin with "." or "_" are left alone, for what several types share.
 * Throws one error that names every file that is malformed and every type that is defined twice.
 */
export async function loadTaskTypes(
  folder: string,
  ports: TaskPorts,
): Promise<ReadonlyMap<string, TaskType>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && MODULE.test(entry.name))
    .map((entry) => entry.name);
  const types = new Map<string, TaskType>();
  const fileOf = new Map<string, string>();
  const problems: string[] = [];
  for (const name of names.sort()) {
    const loaded = await loadTaskType(join(folder, name), ports);
    if (loaded === null) continue;
    if (typeof loaded === "string") {
      problems.push(`${name}: ${loaded}`);
      continue;
    }
    const other = fileOf.get(loaded.taskType);
    if (other !== undefined) problems.push(`${name}: defines ${loaded.taskType}, as ${other} does`);
    types.set(loaded.taskType, loaded);
    fileOf.set(loaded.taskType, name);
  }
  if (problems.length > 0)
    throw new Error(`task types in ${folder} cannot be used:\n  ${problems.join("\n  ")}`);
  return types;
}

/** The type of one file, null when it is not offered here, or a text that says why the file has none. */
export async function loadTaskType(path: string, ports: TaskPorts): Promise<TaskType | null | string> {
  try {
    const module: { default?: unknown } = await import(pathToFileURL(path).href);
    const exported = typeof module.default === "function" ? await module.default(ports) : module.default;
    if (exported === null && module.default !== null) return null;
    if (!isTaskTypeModule(exported)) return "the default export is not a task type ({ taskType, run })";
    if (!isTaskType(exported.taskType)) return `"${exported.taskType}" is not a task type's name`;
    return { taskType: exported.taskType, modulePath: path, run: (context) => exported.run(context) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isTaskTypeModule(value: unknown): value is TaskType {
  if (typeof value !== "object" || value === null) return false;
  const { taskType, run } = value as Partial<TaskType>;
  return typeof taskType === "string" && typeof run === "function";
}
