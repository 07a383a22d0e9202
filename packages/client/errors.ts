import type { ReceiptState, SendAnswer } from "./event-types.ts";
import type { FileInfo } from "./file-types.ts";
import type { FieldProblem, Task } from "./types.ts";

/** The API answered, and the answer is no. Fields of its problem+json body; see the API's list of codes. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** Stable: `TASK_ID_CONFLICT`. `HTTP_<status>` when the answer came from something that is not the API (a proxy). */
  readonly code: string;
  readonly detail: string;
  /** The fields at fault, as JSON pointers; empty when it is not about fields. */
  readonly errors: readonly FieldProblem[];
  /** What to look for in the logs. */
  readonly correlationId: string | null;
  /** The pause that the server asked for. */
  readonly retryAfterMs: number | null;
  /** True: an earlier try of the same call got no answer, and may have done what this answer says cannot be done. */
  readonly mayHaveHappened: boolean;
  /** The whole body of the answer, for members that only some codes have; {} when it was none of the API's. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(problem: ApiErrorFields) {
    super(`${problem.code}: ${problem.detail}${list(problem.errors ?? [], problem.detail)}`);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.correlationId = problem.correlationId ?? null;
    this.retryAfterMs = problem.retryAfterMs ?? null;
    this.mayHaveHappened = problem.mayHaveHappened ?? false;
    this.problem = problem.problem ?? {};
  }
}

export interface ApiErrorFields {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly correlationId?: string | null;
  readonly retryAfterMs?: number | null;
  readonly mayHaveHappened?: boolean;
  readonly problem?: Readonly<Record<string, unknown>>;
}

/** No answer: the API is not there, the connection broke, or it took too long. `cause` has the first-hand reason. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly baseUrl: string;

  constructor(baseUrl: string, reason: string, cause?: unknown) {
    super(`no answer from ${baseUrl}: ${reason}`, { cause });
    this.baseUrl = baseUrl;
  }
}

/** The task had not ended in time. It goes on; only the waiting ended. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
  /** As it was seen last; null when it was not seen at all. */
  readonly task: Task | null;

  constructor(taskId: string, timeoutMs: number, task: Task | null) {
    super(`task ${taskId} is ${task?.phase ?? "unseen"} after ${timeoutMs} ms`);
    this.task = task;
  }
}

/** The file was not processed in time. It will be; only the waiting ended. */
export class FileWaitTimeoutError extends Error {
  override readonly name = "FileWaitTimeoutError";
  /** As it was seen last; null when it was not seen at all. */
  readonly file: FileInfo | null;

  constructor(fileId: string, timeoutMs: number, file: FileInfo | null) {
    super(`file ${fileId} is ${file?.status ?? "unseen"} after ${timeoutMs} ms`);
    this.file = file;
  }
}

/** Some of the events were accepted, and then the API said no or was gone; `cause` is the ApiError or UnreachableError. */
export class PartlySentError extends Error {
  override readonly name = "PartlySentError";
  /** What was taken. */
  readonly answer: SendAnswer;
  /** The events before this one were taken or refused. */
  readonly nextIndex: number;
  /** Sending the same events under the same key again takes none of them twice. */
  readonly idempotencyKey: string;

  constructor(cause: Error, sent: Pick<PartlySentError, "answer" | "nextIndex" | "idempotencyKey">) {
    super(`${sent.answer.accepted} events were accepted, and then: ${cause.message}`, { cause });
    this.answer = sent.answer;
    this.nextIndex = sent.nextIndex;
    this.idempotencyKey = sent.idempotencyKey;
  }
}

/** The events were not all stored in time. They are safe, and will be; only the waiting ended. */
export class StoreTimeoutError extends Error {
  override readonly name = "StoreTimeoutError";
  /** As it was seen last; null when it was not seen at all. */
  readonly state: ReceiptState | null;

  constructor(timeoutMs: number, state: ReceiptState | null) {
    const seen =
      state === null ? "no receipt was answered" : `${state.stored} of ${state.accepted} are stored`;
    super(`${seen} after ${timeoutMs} ms`);
    this.state = state;
  }
}

const ERRORS_SHOWN_MAX = 5;

/** What the detail says already is not said again. */
function list(problems: readonly FieldProblem[], detail: string): string {
  const errors = problems.filter(({ path, message }) => !detail.includes(`${path} ${message}`));
  if (errors.length === 0) return "";
  const shown = errors.slice(0, ERRORS_SHOWN_MAX).map(({ path, message }) => `${path} ${message}`);
  const rest = errors.length - shown.length;
  return ` (${shown.join("; ")}${rest > 0 ? `; and ${rest} more` : ""})`;
}
