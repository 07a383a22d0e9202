import { isCorrelationId } from "@millrace/core";

/** Carries one id through requests, messages, rows and log lines. */
export const CORRELATION_HEADER = "X-Correlation-Id";

/**
 * The caller's id when it is sane, else a new one: an id goes into headers, logs and rows, so whatever could break a
 * line or a header there is not taken over.
 *
 * @param header the value of `X-Correlation-Id`, if any
 * @param make makes a new id
 */
export function correlationIdFrom(header: string | null | undefined, make: () => string): string {
  return header !== null && header !== undefined && isCorrelationId(header) ? header : make();
}
