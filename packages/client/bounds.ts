/** The client's own bounds. Those of the service stand in @millrace/core/limits, of which a client carries no code. */

/** How often one call is tried in all, the first time included. */
export const TRIES_MAX = 5;
/** The bound of the wait before the second try; it doubles with each further one, up to RETRY_WAIT_MS_MAX. */
export const RETRY_WAIT_MS_FIRST = 100;
export const RETRY_WAIT_MS_MAX = 5_000;
/** A server that asks for a longer pause than this gets it from the caller, who knows what else there is to do. */
export const RETRY_AFTER_MS_MAX = 10_000;
/** One try, from the request's first byte to the response's last. */
export const CALL_TIMEOUT_MS = 30_000;
/** A full page of the longest results: 1 000 × 256 KiB. */
export const RESPONSE_BYTES_MAX = 256 * 1024 * 1024;

/** Pauses between two looks at a task: short tasks are seen to end at once, long ones cost one look in two seconds. */
export const POLL_MS_FIRST = 25;
export const POLL_MS_MAX = 2_000;
export const POLL_FACTOR = 1.5;
/** How long `waitFor` waits when it is not told. */
export const WAIT_MS_DEFAULT = 5 * 60 * 1000;
