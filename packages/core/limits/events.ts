/** Bounds of events: records, requests, the recorder, queries. */

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

/**
 * Recorder: transactions at once, and the messages and bytes of one of them. With three, two cores idled for a sixth of the
 * time while 140 000 events/s came in, and it fell behind; with five it kept up (`bun run bench events`, the steady pace).
 */
export const RECORDER_FLIGHTS = 5;
export const RECORDER_PULL_MESSAGES_MAX = 256;
export const RECORDER_PULL_BYTES_MAX = 4 * 1024 * 1024;
/** Bytes that the stream keeps behind the recorder, to be replayed; a longer window in time is cut to this. */
export const EVENT_REPLAY_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** How long the ledger, and Idempotency-Keys in it, are kept after their messages have left the stream. */
export const EVENT_LEDGER_DAYS = 7;
/** How long the last mark of an api process is kept: one that was silent for so long may go on where it was. */
export const EVENT_MARK_DAYS = 400;
/** Kinds of rejected records that the ledger lists. */
export const LEDGER_REJECTIONS_MAX = 20;
/** How long a request may wait to hear from the database whether its Idempotency-Key is known; then it goes on without. */
export const EVENT_KEY_LOOK_MS_MAX = 500;
/** How far back a late event gets a partition of its own; what is older shares the default one. */
export const EVENT_PARTITION_DAYS_BACK_MAX = 366;
/** Query: how long one statement may run, and how long one request may go on searching before it answers with a part. */
export const EVENT_QUERY_MS_MAX = 5_000;
export const EVENT_SEARCH_MS_MAX = 2_000;
export const EVENT_QUERY_TEXT_CHARS_MAX = 256;
/** Connections for queries: so many analysts at once may be configured, and no more, whatever they ask. */
export const EVENT_QUERIES_AT_ONCE_MAX = 16;
/** Queries that wait for one of those connections; beyond, OVERLOADED. */
export const EVENT_QUERIES_WAITING_MAX = 32;
/** How long one waits; then OVERLOADED. Less than a connection may be without traffic, so that there is an answer. */
export const EVENT_QUERY_WAIT_MS_MAX = 10_000;
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
