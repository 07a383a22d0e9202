import { FAULTS, type FaultCode } from "@millrace/core";

/** What each code means to a caller, and what to do about it. A code without an entry does not compile. */
export const PROBLEM_HELP: Readonly<Record<FaultCode, string>> = {
  BAD_JSON:
    "The body is empty, not JSON, not UTF-8, nested too deeply, or holds a number, text or name that cannot be stored. `detail` says where. Send it corrected.",
  BAD_REQUEST: "The request itself is malformed: its URL, its headers, or its framing. Send it corrected.",
  UNAUTHENTICATED:
    "No access token or API key was sent, or the one sent is not valid. Log in, or use another key.",
  BAD_CREDENTIALS: "Login only. The same answer for an unknown email and a wrong password.",
  TOKEN_EXPIRED: "An access token: get a new one with the refresh token. A refresh token: log in again.",
  TOKEN_REUSED:
    "The refresh token had been used before, so somebody has a copy of it. The session has ended on all devices that shared it; log in again.",
  FORBIDDEN: "The identity is valid and lacks the scope or the role that `detail` names.",
  QUOTA_EXCEEDED:
    "Your files are as many, or as large together, as one user's may be: `limit` names the bound and what is used. Delete some; deleting frees at once.",
  NOT_FOUND: "There is no such path, or no such thing, or it belongs to somebody else.",
  METHOD_NOT_ALLOWED: "The path exists; the header `Allow` lists its methods.",
  NOT_ACCEPTABLE: "None of the forms that the header `Accept` lists can be given.",
  UPLOAD_TIMEOUT:
    "No byte came for too long, or all of them took too long, and nothing was kept. Use a resumable upload (/api/uploads) over a bad connection.",
  EMAIL_TAKEN: "Registration only. Log in instead.",
  LIMIT_REACHED: "There are as many of these as one user may have. Delete one first.",
  TASK_ID_CONFLICT:
    "The task id was used before, with other content. The first task is unchanged; choose another id.",
  TASK_STATE_CONFLICT:
    "The task is in a state in which this cannot be done, such as cancelling a finished task.",
  UPLOAD_OFFSET_CONFLICT:
    "Resumable uploads only. Nothing was changed; ask with HEAD for the offset and go on from there.",
  SCHEDULE_ID_CONFLICT:
    "The schedule id was used before, for another schedule. That one is unchanged; choose another id, or change it with PATCH.",
  WORKER_ID_TAKEN:
    "The worker id is that of somebody else's worker, or of one of the product's own. Choose another id.",
  WORKER_REPLACED:
    "Another process has registered with this worker id since, and its registration counts. Stop, or register again, which ends the other one.",
  LEASE_LOST: "The lease has expired or was taken over. Stop working on the task; somebody else does.",
  FILE_NOT_READY:
    "The file still arrives, its result is not made yet, or its processing failed; `detail` says which. Follow the file with its stream.",
  UPLOAD_SUPERSEDED:
    "While the file arrived it was deleted, or a newer request came with the same `Idempotency-Key`. Nothing of this request was kept.",
  UPLOAD_EXPIRED: "Nobody went on with the upload for too long, and its bytes are gone. Begin a new one.",
  TUS_VERSION_UNSUPPORTED:
    "Resumable uploads only. Send `Tus-Resumable` with a version that the header `Tus-Version` of this answer lists.",
  IDEMPOTENCY_CONFLICT:
    "The Idempotency-Key was used before, with another body. What was accepted then is unchanged, and nothing else was; send this body with a key of its own.",
  BODY_TOO_LARGE: "The body is larger than this route reads. Send less, or in parts.",
  PAYLOAD_TOO_LARGE: "A task's payload is too large. Upload it as a file and send the file's id.",
  UNSUPPORTED_MEDIA_TYPE: "Send one of the content types that the route documents.",
  RANGE_NOT_SATISFIABLE:
    "Ask for bytes that are there; the header `Content-Range` of this answer says how many there are.",
  VALIDATION_FAILED:
    "The input is well-formed and breaks rules; `errors` lists each place as a JSON pointer.",
  QUERY_TOO_EXPENSIVE:
    "The query was stopped after the time that one may take, so that it slows nobody else. Narrow its time span, or name a type.",
  UPLOAD_LOCKED:
    "Resumable uploads only. Another request is sending to this upload, or finishing it. Ask again with HEAD, and go on from the offset that it tells.",
  TOO_MANY_REQUESTS: "Wait for as many seconds as the header `Retry-After` says.",
  CHECKSUM_MISMATCH:
    "Resumable uploads only. The chunk arrived damaged and was thrown away; send it again from the same offset.",
  INTERNAL: "A mistake of ours. Report it with the `correlation_id`: the log has the cause under it.",
  OVERLOADED: "Nothing was accepted. Try again after `Retry-After` seconds.",
  STORE_UNAVAILABLE:
    "The database is away. Whether a write was done is unknown unless the response says so: repeat it with the same id.",
  EVENTS_BACKLOG:
    "The stream is full, or the api holds as many bytes of events as it may: `limit` names the bound. `taken` says which records were taken all the same; send the others after `Retry-After` seconds.",
  STORAGE_UNAVAILABLE:
    "Where files are kept is away. Of an upload, what `Upload-Offset` says is kept; try again after `Retry-After` seconds.",
  STORAGE_FULL:
    "The disk or the bucket for files is full. Trying again helps only after an operator has made room.",
  BUS_UNAVAILABLE: "The message broker is away. Nothing was accepted; try again after `Retry-After` seconds.",
};

export const PROBLEM_CODES = Object.keys(FAULTS) as readonly FaultCode[];

/** The table of codes as Markdown, for the OpenAPI description. */
export function problemTable(): string {
  const rows = PROBLEM_CODES.map(
    (code) => `| \`${code}\` | ${FAULTS[code].status} | ${FAULTS[code].title} | ${PROBLEM_HELP[code]} |`,
  );
  return ["| code | status | title | what to do |", "|---|---|---|---|", ...rows].join("\n");
}
