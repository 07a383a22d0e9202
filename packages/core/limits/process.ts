/** Bounds of every process: leaving, logging, measuring, health. */

/** How long a process that was told to stop finishes what it has begun. */
export const DRAIN_MS_MAX = 8_000;

/** One log line; longer ones keep their message and say that they were cut. */
export const LOG_LINE_CHARS_MAX = 16 * 1024;
/** Fields, list items and nested values that one log line may hold, and how deep they may nest. */
export const LOG_NODES_MAX = 500;
export const LOG_DEPTH_MAX = 8;
/** Log bytes that wait for a reader who is slow; beyond, lines are dropped and counted: logging never stalls work. */
export const LOG_BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
/** Distinct values of one label of one metric; the rest is counted as "other". */
export const METRIC_LABEL_VALUES_MAX = 100;
/** A health check that says nothing for this long counts as down. */
export const HEALTH_TIMEOUT_MS = 2_000;
/** Probes within this time share one answer, so that no prober can put load on the database. */
export const HEALTH_CACHE_MS = 1_000;
