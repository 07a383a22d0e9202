import { ApiError } from "./errors.ts";
import type { FileInfo, FileOperationInfo, FilePage } from "./file-types.ts";
import type { GraphAction, TaskGraph } from "./graph-types.ts";
import type {
  Attempt,
  BatchAnswer,
  DeadLetterDetail,
  DeadLetterPage,
  Page,
  Readiness,
  RedriveAnswer,
  Task,
} from "./types.ts";

/**
 * What comes in is checked for the fields that make it what it is, once, here; the rest is the API's word. A client that
 * checked every field would break with each field that a newer API adds or leaves out.
 */
type Shape<T> = (value: unknown) => value is T;

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasTexts(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => typeof value[name] === "string");
}

function hasItems(value: unknown): boolean {
  return isObject(value) && Array.isArray(value.items);
}

export function isTask(value: unknown): value is Task {
  return hasTexts(value, "task_id", "task_type", "status", "phase");
}

export function isTaskGraph(value: unknown): value is TaskGraph {
  return isObject(value) && Array.isArray(value.nodes) && Array.isArray(value.edges);
}

export function isGraphAction(value: unknown): value is GraphAction {
  return hasTexts(value, "task_id", "scope") && isObject(value) && typeof value.changed === "number";
}

export function isTaskPage(value: unknown): value is Page<Task> {
  return hasItems(value);
}

export function isFileInfo(value: unknown): value is FileInfo {
  return hasTexts(value, "file_id", "filename", "status");
}

export function isFilePage(value: unknown): value is FilePage {
  return hasItems(value);
}

export function isOperationList(value: unknown): value is { readonly items: readonly FileOperationInfo[] } {
  return hasItems(value);
}

export function isAttempts(value: unknown): value is { readonly items: readonly Attempt[] } {
  return hasItems(value);
}

export function isBatchAnswer(value: unknown): value is BatchAnswer {
  return hasItems(value);
}

export function isDeadLetters(value: unknown): value is DeadLetterPage {
  return hasItems(value);
}

export function isDeadLetterDetail(value: unknown): value is DeadLetterDetail {
  return hasTexts(value, "task_id", "task_type") && isObject(value) && Array.isArray(value.history);
}

export function isRedriveAnswer(value: unknown): value is RedriveAnswer {
  return isObject(value) && typeof value.redriven === "number" && Array.isArray(value.skipped);
}

export function isReadiness(value: unknown): value is Readiness {
  return hasTexts(value, "status") && isObject(value) && isObject(value.checks);
}

/** @throws ApiError UNEXPECTED_RESPONSE */
export function expectShape<T>(
  reply: { readonly status: number; readonly body: unknown },
  shape: Shape<T>,
): T {
  if (shape(reply.body)) return reply.body;
  const detail = "the answer is JSON, but not of the expected shape; do the client and the API fit together?";
  throw new ApiError({ status: reply.status, code: "UNEXPECTED_RESPONSE", detail });
}
