import { CORRELATION_ID_CHARS_MAX, TASK_ID_CHARS_MAX, TASK_TYPE_CHARS_MAX } from "./limits.ts";

/**
 * Ids travel in URLs, headers, log lines and NATS subjects: letters, digits and `-_.:` only, starting with a letter or
 * digit. No white space, no wildcard (`*`, `>`), no control character, nothing that a shell or a path would read.
 */
const TASK_ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,${TASK_ID_CHARS_MAX - 1}}$`);
const CORRELATION_ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.:/+=-]{0,${CORRELATION_ID_CHARS_MAX - 1}}$`);
/** Dots part a type into words (`http.request`); each word becomes one token of the subject. */
const TASK_TYPE = /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$/i;

export function isTaskId(text: string): boolean {
  return TASK_ID.test(text);
}

export function isTaskType(text: string): boolean {
  return text.length <= TASK_TYPE_CHARS_MAX && TASK_TYPE.test(text);
}

export function isCorrelationId(text: string): boolean {
  return CORRELATION_ID.test(text);
}
