/**
 * Every bound of the product, in one place. Names end in their unit.
 * Relations between bounds are asserted at the end of the file, so that a change of one that breaks
 * another fails at import, in every process and every test.
 */

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

/** http.request: bytes of a response body that are read; the rest is cut and said to be. */
export const HTTP_RESPONSE_BYTES_MAX = 128 * 1024;
export const HTTP_REDIRECTS_MAX = 5;
export const HTTP_URL_CHARS_MAX = 2_048;
/** http.request: headers that a task may set, and the bytes of their names and values together. */
export const HTTP_HEADERS_MAX = 64;
export const HTTP_HEADERS_BYTES_MAX = 8 * 1024;
/** Entries of `expect_status`. */
export const HTTP_EXPECT_STATUS_MAX = 20;
/** Name lookup, and then the connection to one address, may take this long; the task's time-out bounds the whole. */
export const HTTP_CONNECT_MS_MAX = 5_000;
/** Addresses of one name that are tried, one after the other, until one accepts the connection. */
export const HTTP_ADDRESSES_TRIED_MAX = 4;
/** An idle connection is closed before common servers close it (5 s), so that few requests meet a closed one. */
export const HTTP_IDLE_MS_MAX = 4_000;
/** Idle connections kept per origin. */
export const HTTP_IDLE_CONNECTIONS_MAX = 256;
/** How long a looked-up and checked address is used again, and for how many names at once. */
export const DNS_CACHE_MS_MAX = 5_000;
export const DNS_CACHE_NAMES_MAX = 1_000;

/** simulate: the share of attempts that fail when the task does not say. */
export const SIMULATED_FAILURE_RATE_DEFAULT = 0.3;
/** simulate: longer tasks go to the long lane unless they say otherwise. */
export const SIMULATED_SHORT_MS_MAX = 10_000;

export const EMAIL_CHARS_MAX = 254;
export const PASSWORD_CHARS_MIN = 10;
/** argon2id reads the whole password: a bound keeps one request from buying a second of CPU. */
export const PASSWORD_CHARS_MAX = 256;
export const API_KEYS_PER_USER_MAX = 50;
export const API_KEY_NAME_CHARS_MAX = 100;
/** Open sessions of one user; opening one more ends the oldest. */
export const SESSIONS_PER_USER_MAX = 100;
export const ACCESS_TOKEN_S = 15 * 60;
export const REFRESH_TOKEN_S = 30 * 24 * 60 * 60;
/** How long a used refresh token gives the same successor again, for a client whose response was lost. */
export const REFRESH_GRACE_S = 60;
/** Longer credentials are refused unread. */
export const CREDENTIAL_CHARS_MAX = 2_048;

/** Identities that one API process remembers, and for how long before it asks the database again. */
export const IDENTITIES_CACHED_MAX = 10_000;
export const KEY_CACHED_MS = 10_000;
/** Also the longest time that an access token outlives its session. */
export const SESSION_CACHED_MS = 5_000;
/** Credentials known to be wrong: a cache of their own, so that guesses cannot push out real identities. */
export const STRANGERS_CACHED_MAX = 2_000;
export const STRANGER_CACHED_MS = 2_000;
/** While the database is away, identities it confirmed are trusted this long: nothing can be revoked meanwhile. */
export const IDENTITY_STALE_MS_MAX = 10 * 60 * 1000;
/** Credentials being looked up at once; beyond, OVERLOADED. */
export const IDENTITY_LOOKUPS_MAX = 256;

/** argon2id costs 19 MiB and a core for tens of milliseconds: two at once, a short queue, then OVERLOADED. */
export const PASSWORD_HASHES_MAX = 2;
export const PASSWORD_HASHES_WAITING_MAX = 64;

/** Failed logins that cost nothing; each further one doubles the wait, up to the longest. */
export const LOGIN_FAILURES_FREE_ACCOUNT = 5;
export const LOGIN_FAILURES_FREE_ADDRESS = 20;
export const LOGIN_BLOCK_S_MAX = 15 * 60;
/** After this long without a failure the count starts again. */
export const LOGIN_FAILURES_FORGOTTEN_S = 60 * 60;

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

/**
 * Events. One record as it stands in the body; all of a body as sent, and unpacked; how far a body may unpack.
 * A record that fits these bounds fits a log line of any of the collectors in use; what does not is a file.
 */
export const EVENT_BYTES_MAX = 64 * 1024;
export const EVENTS_BODY_BYTES_MAX = 16 * 1024 * 1024;
export const EVENTS_UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
export const EVENTS_RECORDS_MAX = 100_000;
/** Nesting of a record, the record itself included, and its keys, nested ones included. */
export const EVENT_DEPTH_MAX = 16;
export const EVENT_KEYS_MAX = 256;
export const EVENT_TYPE_CHARS_MAX = 128;
export const EVENT_SOURCE_CHARS_MAX = 128;
export const EVENT_ID_CHARS_MAX = 128;
export const EVENT_LEVEL_CHARS_MAX = 16;
export const EVENT_MESSAGE_BYTES_MAX = 32 * 1024;
/** The oldest time that an event may have, in epoch ms: 2000-01-01. */
export const EVENT_TIME_MS_MIN = 946_684_800_000;
/** How far ahead of the api's clock it may be. */
export const EVENT_AHEAD_MS_MAX = 24 * 60 * 60 * 1000;
/** One message of the stream EVENTS; a longer request becomes several, its parts. */
export const EVENTS_MESSAGE_BYTES_MAX = 1024 * 1024;
/** Parts of one request: a full body in messages that are each short of full by less than one record. */
export const EVENT_PARTS_MAX = 80;
/** Bytes of events that one api process holds, being read or waiting for the stream; then EVENTS_BACKLOG. */
export const EVENTS_HELD_BYTES_MAX = 64 * 1024 * 1024;
/** Refused records that an answer lists; beyond, `rejected_total` says how many there are. */
export const EVENTS_REJECTED_LISTED_MAX = 10_000;
export const IDEMPOTENCY_KEY_CHARS_MAX = 255;

/** Recorder: transactions at once, and the messages and bytes of one of them. */
export const RECORDER_FLIGHTS = 3;
export const RECORDER_PULL_MESSAGES_MAX = 256;
export const RECORDER_PULL_BYTES_MAX = 4 * 1024 * 1024;
/** Bytes that the stream keeps behind the recorder, to be replayed; a longer window in time is cut to this. */
export const EVENT_REPLAY_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** How long the ledger, and Idempotency-Keys in it, are kept after their messages have left the stream. */
export const EVENT_LEDGER_DAYS = 7;
/** How far back a late event gets a partition of its own; what is older shares the default one. */
export const EVENT_PARTITION_DAYS_BACK_MAX = 366;
/** Query: how long one statement may run, and how long one request may go on searching before it answers with a part. */
export const EVENT_QUERY_MS_MAX = 5_000;
export const EVENT_SEARCH_MS_MAX = 2_000;
export const EVENT_QUERY_TEXT_CHARS_MAX = 256;
/** Connections for queries: so many analysts at once, and no more, whatever they ask. */
export const EVENT_QUERY_CONNECTIONS_MAX = 3;
/** Queries that wait for one of those connections; beyond, OVERLOADED. */
export const EVENT_QUERIES_WAITING_MAX = 32;
export const HISTOGRAM_BUCKETS_MAX = 2_000;
export const HISTOGRAM_KEYS_MAX = 50;
/** Minutes that one look into the ledger may span. */
export const LEDGER_MINUTES_MAX = 24 * 60;
/** Live tail: bytes of events that one api process reads per second for all its viewers; it leaves out the rest. */
export const TAIL_BYTES_PER_SECOND_MAX = 8 * 1024 * 1024;
/** Events per second that one viewer is sent; nobody reads faster. The rest is counted. */
export const TAIL_EVENTS_PER_SECOND_MAX = 1_000;
/** Messages whose headers are read to say what is in flight. */
export const LEDGER_IN_FLIGHT_MESSAGES_MAX = 2_000;

/** CPU threads of one worker process, and jobs that wait for one; then OVERLOADED. */
export const POOL_THREADS_MAX = 64;
export const POOL_WAITING_MAX = 1_000;
/** A thread whose heap is larger than this after a job is replaced: Bun has no memory limit per thread. */
export const THREAD_HEAP_BYTES_MAX = 64 * 1024 * 1024;
/** A job whose heap grows beyond this is stopped, as far as it reports progress; before it takes the process along. */
export const THREAD_HEAP_BYTES_DEADLY = 512 * 1024 * 1024;
/** How long a thread may take to start, and to end once it was told to. */
export const THREAD_BOOT_MS_MAX = 20_000;
export const THREAD_EXIT_MS_MAX = 5_000;
/** A thread tells its progress no more often than this. */
export const THREAD_PROGRESS_MS = 200;

/** Files are read and written in pieces of this size: large enough that a piece costs little, small beside 64 MB. */
export const FILE_PIECE_BYTES = 64 * 1024;
/** text-stats: words that are counted at once, and how much of a longer word is kept. */
export const WORDS_TRACKED_MAX = 32_768;
export const WORD_CHARS_MAX = 64;
export const WORDS_LISTED_MAX = 200;
/** csv-profile: columns of a table, and characters of one record: an unclosed quote would swallow the rest. */
export const CSV_COLUMNS_MAX = 1_000;
export const CSV_RECORD_CHARS_MAX = 1024 * 1024;
/** csv-profile: distinct values that are counted exactly, in all columns together; beyond, they are estimated. */
export const CSV_DISTINCT_EXACT_MAX = 200_000;
/** csv-profile: columns in the task's result; the result file has them all. And how much of a value is shown. */
export const CSV_COLUMNS_LISTED_MAX = 100;
export const CSV_VALUE_CHARS_MAX = 100;
/** thumbnail: an image that is read row by row, and what one that is not may take in memory. */
export const IMAGE_PIXELS_MAX = 250_000_000;
export const IMAGE_SIDE_PIXELS_MAX = 30_000;
export const IMAGE_HELD_BYTES_MAX = 60_000_000;
export const THUMBNAIL_SIDE_PIXELS_MAX = 2_048;

/** Characters of a blob's key: with an ending it still is one file name (255 bytes) on a disk. */
export const BLOB_KEY_CHARS_MAX = 200;
/** The smallest part that S3 takes, save for the last; also what one write holds in memory. */
export const BLOB_PART_BYTES = 5 * 1024 * 1024;
/** Parts of one object in S3: what a blob there can hold at most. */
export const BLOB_PARTS_MAX = 10_000;
/** Names that one page of a list of blobs holds. */
export const BLOB_PAGE_MAX = 1_000;
/** One request to S3, answer included; how often it is sent before the storage counts as away. */
export const STORAGE_REQUEST_MS_MAX = 30_000;
export const STORAGE_ATTEMPTS_MAX = 4;
/** Unfinished uploads whose running sha256 one process remembers; the others are read again when they end. */
export const RUNNING_HASHES_MAX = 1_000;
/** Room on the disk for files below which the storage counts as full, so that what has begun can still end. */
export const STORAGE_FREE_BYTES_MIN = 64 * 1024 * 1024;

function requireRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits contradict each other: ${relation}`);
}

requireRelation(
  PRIORITY_MIN <= PRIORITY_DEFAULT && PRIORITY_DEFAULT <= PRIORITY_MAX,
  "priority default in range",
);
requireRelation(PAYLOAD_BYTES_MAX < BODY_BYTES_MAX, "a payload fits into a body");
requireRelation(SHORT_LANE_TIMEOUT_S_MAX <= TIMEOUT_S_MAX, "the short lane is within the time-out range");
requireRelation(ACK_PROGRESS_MS * 2 < ACK_WAIT_MS, "two progress signals fit into one ack wait");
requireRelation(GROUP_ROWS_MAX <= GROUP_WAITING_MAX, "a full group can wait");
requireRelation(GROUP_BYTES_MAX <= GROUP_WAITING_BYTES_MAX, "a heavy group can wait");
requireRelation(BODY_BYTES_MAX * 2 <= GROUP_WAITING_BYTES_MAX, "one full body cannot shut out the next");
requireRelation(BATCH_TASKS_MAX <= GROUP_WAITING_MAX, "a full batch can wait");
requireRelation(BACKOFF_MAX_MS_DEFAULT <= BACKOFF_MS_MAX, "backoff default in range");
requireRelation(ATTEMPTS_DEFAULT <= ATTEMPTS_MAX, "attempts default in range");
requireRelation(
  ATTEMPTS_MAX + LOST_ATTEMPTS_MAX < ATTEMPT_NUMBER_MAX,
  "no policy can use up the attempt numbers",
);
requireRelation(ATTEMPT_NUMBER_MAX < 2 ** 15, "an attempt number is a smallint");
requireRelation(WORKER_SLOTS_MAX <= LEVEL_ACK_PENDING_MAX, "one worker cannot exhaust a level");
requireRelation(REFRESH_GRACE_S < ACCESS_TOKEN_S, "a used refresh token dies before its access token");
requireRelation(LOGIN_BLOCK_S_MAX < LOGIN_FAILURES_FORGOTTEN_S, "a block ends before its count is forgotten");
requireRelation(EVENT_MESSAGE_BYTES_MAX < EVENT_BYTES_MAX, "the longest text fits into a record");
requireRelation(EVENT_BYTES_MAX < EVENTS_MESSAGE_BYTES_MAX, "the largest record fits into a message");
requireRelation(
  EVENTS_MESSAGE_BYTES_MAX < RECORDER_PULL_BYTES_MAX,
  "the recorder can pull the largest message",
);
requireRelation(EVENT_SEARCH_MS_MAX < EVENT_QUERY_MS_MAX, "a search answers before a statement is cancelled");
requireRelation(
  EVENT_PARTS_MAX * (EVENTS_MESSAGE_BYTES_MAX - EVENT_BYTES_MAX) >= EVENTS_UNPACKED_BYTES_MAX,
  "a full body fits into its parts",
);
requireRelation(EVENTS_BODY_BYTES_MAX < EVENTS_HELD_BYTES_MAX, "one full body leaves room for others");
requireRelation(
  THREAD_HEAP_BYTES_MAX < THREAD_HEAP_BYTES_DEADLY,
  "a thread is replaced before it is stopped",
);
