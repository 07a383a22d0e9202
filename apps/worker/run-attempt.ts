import type { AttemptOutcome, Json } from "@millrace/core";
import {
  ABORT_GRACE_MS,
  ERROR_CODE_CHARS_MAX,
  ERROR_MESSAGE_CHARS_MAX,
  JSON_DEPTH_MAX,
  RESULT_BYTES_MAX,
} from "@millrace/core/limits";
import type { TaskContext, TaskType } from "./task-type.ts";

/** Why an attempt is stopped from outside. */
export type AbortKind = "timeout" | "cancelled" | "drained";

export class AttemptAborted extends Error {
  readonly kind: AbortKind;

  constructor(kind: AbortKind, message: string) {
    super(message);
    this.name = "AttemptAborted";
    this.kind = kind;
  }
}

/** How the handler ended, or why it was not allowed to. `probe`: it failed finding out whether a host is back. */
export type RunEnd =
  | AttemptOutcome
  | { readonly kind: "aborted"; readonly why: "cancelled" | "drained" | "probe" };

export interface Run {
  readonly type: TaskType;
  readonly context: Omit<TaskContext, "signal">;
  readonly abort: AbortController;
  readonly timeoutMs: number;
}

/**
 * Runs one attempt within its time. An abort gives the handler a moment to end; a handler that does not is left behind
 * (its promise can change nothing any more), so that it never costs a slot for ever.
 */
export async function runAttempt(run: Run): Promise<RunEnd> {
  const { abort, timeoutMs } = run;
  const timer = setTimeout(() => {
    abort.abort(new AttemptAborted("timeout", `it ran longer than ${timeoutMs / 1000} s`));
  }, timeoutMs);
  const leftBehind = Promise.withResolvers<RunEnd>();
  let grace: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    grace = setTimeout(() => leftBehind.resolve(endOfAbort(abort.signal.reason)), ABORT_GRACE_MS);
  };
  abort.signal.addEventListener("abort", onAbort, { once: true });
  if (abort.signal.aborted) onAbort();
  try {
    return await Promise.race([runHandler(run), leftBehind.promise]);
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    abort.signal.removeEventListener("abort", onAbort);
  }
}

async function runHandler({ type, context, abort }: Run): Promise<RunEnd> {
  try {
    const outcome = await type.run({ ...context, signal: abort.signal });
    return outcome.kind === "completed" ? checkedResult(outcome.result) : boundedError(outcome);
  } catch (error) {
    if (abort.signal.aborted) return endOfAbort(abort.signal.reason);
    return failure("HANDLER_ERROR", messageOf(error), true);
  }
}

function endOfAbort(reason: unknown): RunEnd {
  if (!(reason instanceof AttemptAborted)) return failure("HANDLER_ERROR", messageOf(reason), true);
  if (reason.kind === "timeout") return failure("TIMEOUT", reason.message, true);
  return { kind: "aborted", why: reason.kind };
}

/** What a handler returns comes from user code: it may be no JSON, or too much of it. */
function checkedResult(result: Json): AttemptOutcome {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    return failure("RESULT_INVALID", `the result is not JSON: ${messageOf(error)}`, false);
  }
  if (text === undefined) return { kind: "completed", result: null };
  if (isDeeper(text, JSON_DEPTH_MAX))
    return failure("RESULT_INVALID", `the result is nested deeper than ${JSON_DEPTH_MAX}`, false);
  // UTF-16 units are at most a third of the bytes; only what could be too long is measured.
  if (text.length * 3 <= RESULT_BYTES_MAX) return { kind: "completed", result };
  const bytes = Buffer.byteLength(text);
  if (bytes <= RESULT_BYTES_MAX) return { kind: "completed", result };
  const head = text.slice(0, Math.floor(RESULT_BYTES_MAX / 12));
  return { kind: "completed", result: { is_truncated: true, bytes, head } };
}

const BRACKET_OR_TEXT = /"(?:[^"\\]|\\.)*"|[[\]{}]/g;

/** PostgreSQL fails a whole group commit over one JSON that is nested too deep for its stack. */
function isDeeper(json: string, depthMax: number): boolean {
  // Most results are too short to be that deep.
  if (json.length <= depthMax * 2) return false;
  let depth = 0;
  for (const [token] of json.matchAll(BRACKET_OR_TEXT)) {
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    if (depth > depthMax) return true;
  }
  return false;
}

function boundedError(outcome: Extract<AttemptOutcome, { kind: "failed" }>): AttemptOutcome {
  const { code, message } = outcome.error;
  return { ...outcome, error: { code: storableCode(code), message: storable(message) } };
}

/** A column that may not be null, filled by user code. */
function storableCode(code: unknown): string {
  const text = typeof code === "string" ? storable(code).slice(0, ERROR_CODE_CHARS_MAX) : "";
  return text === "" ? "HANDLER_ERROR" : text;
}

function failure(code: string, message: string, isRetryable: boolean): AttemptOutcome {
  return { kind: "failed", error: { code, message: storable(message) }, isRetryable };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** PostgreSQL's text takes neither NUL nor half a surrogate pair. */
function storable(message: string): string {
  return message.slice(0, ERROR_MESSAGE_CHARS_MAX).replaceAll("\0", "").toWellFormed();
}
