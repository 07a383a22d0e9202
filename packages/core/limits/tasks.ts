/** Bounds of tasks: what may be asked, how it is dispatched, how it is run. */

/** Bytes of a request body on the JSON routes. A batch of 10 000 tasks at 1.6 KB each still fits. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a body that anybody may send: to register, log in, refresh. */
export const AUTH_BODY_BYTES_MAX = 16 * 1024;
/** Bytes of one task's payload as JSON. Larger inputs belong into a file, whose id goes into the payload. */
export const PAYLOAD_BYTES_MAX = 256 * 1024;
/** Bytes of one task's result as JSON; longer results are cut by the worker, which says so in the result. */
export const RESULT_BYTES_MAX = 256 * 1024;
/** How deep JSON may nest in a payload. Postgres stops at 6 400 or so, recursive readers much earlier. */
export const JSON_DEPTH_MAX = 64;
/** Tasks in one batch request. */
export const BATCH_TASKS_MAX = 10_000;

export const TASK_ID_CHARS_MAX = 128;
export const TASK_TYPE_CHARS_MAX = 64;
export const DEPENDENCIES_MAX = 1_000;
export const TENANT_CHARS_MAX = 64;
export const WORKER_ID_CHARS_MAX = 128;
export const CORRELATION_ID_CHARS_MAX = 128;

export const PRIORITY_MIN = 1;
export const PRIORITY_MAX = 10;
export const PRIORITY_DEFAULT = 5;

export const TIMEOUT_S_MIN = 1;
export const TIMEOUT_S_MAX = 24 * 60 * 60;
/** The short lane promises short tasks: a longer time-out is refused at submission and enforced at run time. */
export const SHORT_LANE_TIMEOUT_S_MAX = 60;

export const ATTEMPTS_MAX = 100;
export const ATTEMPTS_DEFAULT = 3;
/** Attempts lost to a dying worker count apart from failures: a task that kills its worker must end too. */
export const LOST_ATTEMPTS_MAX = 5;
/** Workers that may die with a task; then it runs alone, where a further death harms nobody. */
export const DEATHS_BESIDE_OTHERS_MAX = 2;
/**
 * The last number that an attempt can have, whatever it was counted for: failures, losses, drains and redrives together.
 * PostgreSQL keeps it in a smallint. A task that comes here is broken, and is buried instead of going round for ever.
 */
export const ATTEMPT_NUMBER_MAX = 32_000;

export const BACKOFF_MS_MIN = 0;
export const BACKOFF_MS_MAX = 24 * 60 * 60 * 1000;
export const BACKOFF_INITIAL_MS_DEFAULT = 1_000;
export const BACKOFF_MAX_MS_DEFAULT = 60_000;
export const BACKOFF_FACTOR_MIN = 1;
export const BACKOFF_FACTOR_MAX = 10;
export const BACKOFF_FACTOR_DEFAULT = 2;
/** The longest Retry-After that is honoured; a longer one waits this long and asks again. */
export const RETRY_AFTER_MS_MAX = 60 * 60 * 1000;

/** How far ahead `run_at` and `delay` may lie. */
export const DELAY_S_MAX = 366 * 24 * 60 * 60;

export const LIST_LIMIT_DEFAULT = 20;
export const LIST_LIMIT_MAX = 1_000;
/** Offsets beyond this must use the cursor: each skipped row is still read. */
export const LIST_OFFSET_MAX = 10_000;
/** Lists count up to here exactly; beyond, `total` stops and `total_capped` is true. */
export const LIST_TOTAL_MAX = 10_000;

/** Tasks that one redrive request may bring back, and their pace. */
export const REDRIVE_TASKS_MAX = 10_000;
export const REDRIVE_PER_SECOND_MAX = 1_000;
export const REDRIVE_PER_SECOND_DEFAULT = 100;

export const ERROR_CODE_CHARS_MAX = 64;
export const ERROR_MESSAGE_CHARS_MAX = 2_000;
export const PROGRESS_NOTE_CHARS_MAX = 200;
/** Running tasks whose progress one api process remembers; a slot each of many workers. */
export const PROGRESS_TASKS_MAX = 20_000;
/** Server-sent event streams that one api process keeps open, and bytes that wait for one slow reader. */
export const STREAMS_MAX = 2_000;
export const STREAM_WAITING_BYTES_MAX = 256 * 1024;

/** Rows that one group commit writes in one transaction. */
export const GROUP_ROWS_MAX = 2_000;
/** Group commits in flight at once, per writer. Two: one on its way while the next one fills. */
export const GROUP_FLIGHTS_MAX = 2;
/** Rows that wait in memory for a group commit before new ones are refused with OVERLOADED. */
export const GROUP_WAITING_MAX = 50_000;
/** Bytes of one group commit, and bytes that wait for one: 50 000 rows of 256 KiB would be 12 GB. */
export const GROUP_BYTES_MAX = 8 * 1024 * 1024;
export const GROUP_WAITING_BYTES_MAX = 128 * 1024 * 1024;

/** Concurrent tasks that one worker process may be configured to run. */
export const WORKER_SLOTS_MAX = 1_000;
/** Unacknowledged messages per (lane, priority): the cluster-wide concurrency of one level. */
export const LEVEL_ACK_PENDING_MAX = 20_000;
/**
 * Time after which JetStream hands out a message again whose worker says nothing: how long a task waits whose worker
 * died between the delivery and the claim. Too short costs no more than a look at the claim, which still holds.
 */
export const ACK_WAIT_MS = 10_000;
/** How often a worker says that it still works on a message. */
export const ACK_PROGRESS_MS = 3_000;

/** What a handler gets after its attempt was aborted; then it is left behind, and its slot is free. */
export const ABORT_GRACE_MS = 1_000;
/**
 * What running tasks get when their process is asked to leave; then they are given back. The stack's own patience
 * (DRAIN_TIMES in packages/stack/supervise/drain.ts) is longer: who is killed while it waits gives nothing back.
 */
export const WORKER_DRAIN_MS_MAX = 3_500;
/** A worker whose event loop stood still for this long is killed: its tasks run again elsewhere. */
export const MAIN_STALL_MS_MAX = 60_000;
/** How long a worker waits before it offers a message of a task type that it does not know to others again. */
export const UNKNOWN_TYPE_PAUSE_MS = 4_000;

/** What is due later than this stays in PostgreSQL alone until it comes nearer: a schedule costs the broker memory. */
export const SCHEDULE_HORIZON_MS = 10 * 60 * 1000;
/** A due task whose message the queue has passed by is published again after this: longer than one redelivery. */
export const LOST_MESSAGE_GRACE_MS = ACK_WAIT_MS + 5_000;
/** Tasks that the reconciler publishes in one go. */
export const RECONCILE_TASKS_MAX = 2_000;

/** Tenants of one level that one look passes over because none of their tasks is due; the next look goes on behind them. */
export const TURN_TENANTS_PASSED_MAX = 1_000;
/** What was offered to a worker and is not claimed within this time may be offered again. */
export const TURN_OFFER_MS = 5_000;
/** A worker that found nobody else waiting at a level does not look again for so long: others may only be due later. */
export const TURN_QUIET_MS = 100;
/** Tenants that `why` counts beside a task's own. */
export const WHY_TENANTS_MAX = 100;
