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
/** One try of an upload: 100 MiB at 60 KB/s. */
export const UPLOAD_TIMEOUT_MS = 30 * 60 * 1000;
/** One request of a resumable upload, which is also the memory that it takes. */
export const RESUMABLE_CHUNK_BYTES = 8 * 1024 * 1024;
/** A full page of the longest results: 1 000 × 256 KiB. */
export const RESPONSE_BYTES_MAX = 256 * 1024 * 1024;

/** Pauses between two looks at a task: short tasks are seen to end at once, long ones cost one look in two seconds. */
export const POLL_MS_FIRST = 25;
export const POLL_MS_MAX = 2_000;
export const POLL_FACTOR = 1.5;
/** How long `waitFor` waits when it is not told. */
export const WAIT_MS_DEFAULT = 5 * 60 * 1000;

/**
 * One request of events. The API takes more (16 MiB as sent, 100 000 events), but a larger one is no faster, and what has
 * to be sent again is larger. Up to 4 MiB the API minds no ratio of packed to unpacked.
 */
export const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
/** As many refusals as one answer lists, so that each refused event has its reason. */
export const REQUEST_EVENTS_MAX = 10_000;
/** Bodies from here on are packed, unless the API is on this machine: JSON lines pack 9 to 1 at 150 MB/s. */
export const PACKED_BYTES_MIN = 2 * 1024;

/** Live tail: the API says something every 10 s. After three times that the connection is dead, and nobody says so. */
export const TAIL_SILENCE_MS_MAX = 30_000;
/** How long a tail tries to come back before it gives up. */
export const TAIL_ABSENCE_MS_MAX = 10 * 60 * 1000;
/** One server-sent event: 64 KiB of event, however much escaping makes of it. */
export const SENT_EVENT_CHARS_MAX = 1024 * 1024;

/** Batches of events: what a batcher does when it is not told otherwise. */
export const BATCH_EVENTS = 1_000;
export const BATCH_BYTES = 1024 * 1024;
export const BATCH_DELAY_MS = 200;
export const BATCH_FLIGHTS = 2;
export const BATCH_FLIGHTS_MAX = 8;
/** What waits, or is on its way, at most; what comes then is dropped. */
export const BUFFERED_EVENTS = 100_000;
export const BUFFERED_BYTES = 32 * 1024 * 1024;
/** Between two rounds of tries of one batch. */
export const BATCH_RETRY_MS_MAX = 30_000;
/** How long a batch is tried. The API knows an Idempotency-Key for days: well within that, no event comes twice. */
export const BATCH_AGE_MS_MAX = 24 * 60 * 60 * 1000;
export const FLUSH_MS_DEFAULT = 30_000;
export const CLOSE_MS_DEFAULT = 10_000;
/** Codes of refusals that are counted by name; further ones would be a mistake of the API's. */
export const REASONS_MAX = 64;
