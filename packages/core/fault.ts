/**
 * A failure with a stable code. Expected outcomes are values; a `Fault` is thrown for what stops a request or a
 * step. Only an edge (HTTP route, message handler, process) turns it into a status, an ack or a log line.
 */

export interface FieldProblem {
  /** Where in the input, as a JSON pointer without the leading "#": `/priority`, `/3/task_id`. */
  readonly path: string;
  readonly message: string;
}

interface FaultKind {
  readonly status: number;
  readonly title: string;
}

/** Code → HTTP status and title. `docs` of the api list the same codes; a drift test compares them. */
export const FAULTS = {
  BAD_JSON: { status: 400, title: "The body is not JSON" },
  BAD_REQUEST: { status: 400, title: "The request is malformed" },
  UNAUTHENTICATED: { status: 401, title: "No valid identity was given" },
  BAD_CREDENTIALS: { status: 401, title: "Email or password is wrong" },
  TOKEN_EXPIRED: { status: 401, title: "The token has expired" },
  TOKEN_REUSED: { status: 401, title: "The refresh token was used before" },
  FORBIDDEN: { status: 403, title: "The identity lacks the right" },
  QUOTA_EXCEEDED: { status: 403, title: "There is no room left for this user" },
  NOT_FOUND: { status: 404, title: "There is no such thing" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The method is not allowed here" },
  NOT_ACCEPTABLE: { status: 406, title: "The response cannot be given in that form" },
  UPLOAD_TIMEOUT: { status: 408, title: "The upload stood still for too long" },
  EMAIL_TAKEN: { status: 409, title: "The email is registered already" },
  LIMIT_REACHED: { status: 409, title: "There are as many of these as there may be" },
  TASK_ID_CONFLICT: { status: 409, title: "The task id belongs to another task" },
  TASK_STATE_CONFLICT: { status: 409, title: "The task is in a state that forbids this" },
  SCHEDULE_ID_CONFLICT: { status: 409, title: "The schedule id belongs to another schedule" },
  UPLOAD_OFFSET_CONFLICT: { status: 409, title: "The upload stands at another offset" },
  IDEMPOTENCY_CONFLICT: { status: 409, title: "The Idempotency-Key belongs to another request" },
  WORKER_ID_TAKEN: { status: 409, title: "The worker id belongs to another worker" },
  WORKER_REPLACED: { status: 409, title: "Another process has registered as this worker" },
  LEASE_LOST: { status: 409, title: "The lease belongs to somebody else now" },
  FILE_NOT_READY: { status: 409, title: "The bytes that were asked for are not there yet" },
  UPLOAD_SUPERSEDED: { status: 409, title: "The upload was given up before its end" },
  UPLOAD_EXPIRED: { status: 410, title: "The upload was not finished in time" },
  TUS_VERSION_UNSUPPORTED: { status: 412, title: "The version of the tus protocol is not spoken here" },
  BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The payload is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The content type is not understood" },
  RANGE_NOT_SATISFIABLE: { status: 416, title: "The range lies beyond the end" },
  VALIDATION_FAILED: { status: 422, title: "The input breaks a rule" },
  QUERY_TOO_EXPENSIVE: { status: 422, title: "The query would read too much" },
  UPLOAD_LOCKED: { status: 423, title: "Another request holds the upload" },
  TOO_MANY_REQUESTS: { status: 429, title: "Too many requests" },
  CHECKSUM_MISMATCH: { status: 460, title: "The bytes do not have the checksum that was sent" },
  INTERNAL: { status: 500, title: "An error of ours" },
  OVERLOADED: { status: 503, title: "Too much work waits already" },
  STORE_UNAVAILABLE: { status: 503, title: "The database does not answer" },
  BUS_UNAVAILABLE: { status: 503, title: "The message broker does not answer" },
  EVENTS_BACKLOG: { status: 503, title: "Too many events wait to be stored" },
  STORAGE_UNAVAILABLE: { status: 503, title: "The file storage does not answer" },
  STORAGE_FULL: { status: 507, title: "The file storage has no room left" },
} as const satisfies Record<string, FaultKind>;

export type FaultCode = keyof typeof FAULTS;

export interface FaultDetail {
  readonly cause?: unknown;
  readonly errors?: readonly FieldProblem[];
  /** Seconds after which the caller may try again; becomes the Retry-After header. */
  readonly retryAfterS?: number;
  /** Further members of the problem, as RFC 9457 allows: what was done all the same, which bound was met. */
  readonly members?: Readonly<Record<string, unknown>>;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly errors: readonly FieldProblem[];
  readonly retryAfterS: number | undefined;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: FaultCode, message: string, detail: FaultDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "Fault";
    this.code = code;
    this.errors = detail.errors ?? [];
    this.retryAfterS = detail.retryAfterS;
    this.members = detail.members ?? {};
  }

  get status(): number {
    return FAULTS[this.code].status;
  }
}

/** For states that cannot occur unless the code is wrong. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Makes a switch over a union exhaustive: a new member fails to compile here. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
