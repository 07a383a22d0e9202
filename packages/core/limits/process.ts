/** Bounds of every process: leaving, logging, measuring, health. */

/** How long a process that was told to stop finishes what it has begun. */
export const DRAIN_MS_MAX = 8_000;
/** The longest that DRAIN_NOTICE may say, before that. */
export const DRAIN_NOTICE_S_MAX = 60;

/** One log line; longer ones keep their message and say that they were cut. */
export const LOG_LINE_CHARS_MAX = 16 * 1024;
/** Fields, list items and nested values that one log line may hold, and how deep they may nest. */
export const LOG_NODES_MAX = 500;
export const LOG_DEPTH_MAX = 8;
/** Log bytes that wait for a reader who is slow; beyond, lines are dropped and counted: logging never stalls work. */
export const LOG_BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
/**
 * Of a task that runs in a process of its own: the end of what it writes is kept; how long the process may take to start,
 * to speak when its time is over, and to end when it is told to; how often its memory is looked at; how long its message
 * waits when another task has the place.
 */
export const ALONE_LOG_BYTES_MAX = 64 * 1024;
export const ALONE_START_MS_MAX = 30_000;
export const ALONE_WORD_MS_MAX = 2_000;
export const ALONE_MEMORY_LOOK_MS = 50;
export const ALONE_TURN_MS = 1_000;
/** Distinct values of one label of one metric; the rest is counted as "other". */
export const METRIC_LABEL_VALUES_MAX = 100;
/** A health check that says nothing for this long counts as down. */
export const HEALTH_TIMEOUT_MS = 2_000;
/** Probes within this time share one answer, so that no prober can put load on the database. */
export const HEALTH_CACHE_MS = 1_000;

/** Alerts that are watched at once; more cannot be read. */
export const ALERTS_MAX = 1_000;
/** How often each process says that it lives. */
export const PULSE_EVERY_MS = 1_000;
/** Silent for longer, a process is thought dead: people see within five seconds that something is. */
export const PART_SILENT_MS_MAX = 3_000;
/** How long a death is told although others of its kind live, or a new one came. */
export const PART_DIED_TOLD_MS = 10_000;
/** How long a part may take to come, at the start or after it left in order. */
export const PART_START_MS_MAX = 30_000;
/** Processes of one kind that are watched. */
export const INSTANCES_WATCHED_MAX = 1_000;
/** Notices that wait for a webhook that is slow; beyond, they are dropped and counted. */
export const ALERT_NOTICES_WAITING_MAX = 200;
/** One call of the webhook. */
export const ALERT_WEBHOOK_MS_MAX = 5_000;
export const ALERT_WEBHOOK_TRIES_MAX = 5;

/** How long an operator's order waits for everybody to go by it: who has not said so by then is named, and reads it later. */
export const ORDER_HEEDED_MS_MAX = 1_000;

/** Spans that wait to be sent; beyond, they are dropped and counted: a collector that is away costs this much memory. */
export const TRACE_SPANS_WAITING_MAX = 4_096;
/** Spans of one export. */
export const TRACE_BATCH_SPANS_MAX = 512;
/** How long spans wait for others to be sent with. */
export const TRACE_EXPORT_EVERY_MS = 1_000;
/** One export, its repetitions included. */
export const TRACE_EXPORT_MS_MAX = 5_000;
/** What a process that ends gives to its last spans. */
export const TRACE_FLUSH_MS_MAX = 2_000;
/** Others that one span refers to, such as the messages of a batch. */
export const TRACE_LINKS_MAX = 16;
/** Of a text that a span says; names of types and codes are shorter. */
export const TRACE_TEXT_CHARS_MAX = 1_024;
/** W3C Trace Context, section 3.3.1.5. */
export const TRACESTATE_CHARS_MAX = 512;
/** Tasks of one request that its trace follows: more in one trace cannot be read. */
export const TRACED_TASKS_PER_REQUEST_MAX = 100;
