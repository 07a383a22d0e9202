import { RETRY_AFTER_MS_MAX } from "@millrace/core/limits";

const SECONDS = /^\d{1,12}$/;
/** RFC 9110 §5.6.7: the form that servers must send, and no other that Date.parse happens to know. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * The wait that a Retry-After header asks for, in ms, at most RETRY_AFTER_MS_MAX. Undefined when it asks for none (absent,
 * malformed, zero, past): then the task's own back-off decides, which no server can turn into a busy loop.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const given = header?.trim() ?? "";
  const waitMs = SECONDS.test(given)
    ? Number(given) * 1_000
    : HTTP_DATE.test(given)
      ? Date.parse(given) - nowMs
      : Number.NaN;
  return waitMs > 0 ? Math.min(waitMs, RETRY_AFTER_MS_MAX) : undefined;
}
