/** Bounds of files: threads, operations, storage. */

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
/** How long a job may take to end by itself once it was asked to; then its thread is killed. */
export const THREAD_STOP_MS_MAX = 250;
/** The same for a job that waits for native code, whose open files and memory would be lost with the thread. */
export const THREAD_NATIVE_MS_MAX = 10_000;
/** A thread tells its progress no more often than this. */
export const THREAD_PROGRESS_MS = 250;

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

/** One file, and what its multipart request may hold around it. */
export const FILE_BYTES_MAX = 100 * 1024 * 1024;
export const MULTIPART_EXTRA_BYTES_MAX = 64 * 1024;
/** `options` of an upload, as JSON. */
export const FILE_OPTIONS_BYTES_MAX = 8 * 1024;
export const FILENAME_BYTES_MAX = 255;
export const CONTENT_TYPE_CHARS_MAX = 127;
/** What one user may keep, and begin per minute, unless the configuration says otherwise. */
export const FILES_PER_USER_DEFAULT = 10_000;
export const FILE_BYTES_PER_USER_DEFAULT = 10 * 1024 ** 3;
export const UPLOADS_PER_USER_PER_MINUTE_DEFAULT = 600;
/** Uploads whose bytes one api process takes in at once; each holds a few pieces in memory. Beyond, OVERLOADED. */
export const UPLOADS_AT_ONCE_MAX = 64;
/** The same for one user, so that nobody takes all of them. */
export const UPLOADS_AT_ONCE_PER_USER_MAX = 24;
/** An upload in one request: how long it may take in all. */
export const UPLOAD_MS_MAX = 60 * 60 * 1000;
/** A resumable upload is given up when nobody went on with it for this long. */
export const UPLOAD_PAUSE_MS_MAX = 24 * 60 * 60 * 1000;
/** Blobs without a row that are older than this are swept: longer than any upload takes from its bytes to its row. */
export const ORPHAN_AGE_MS = 24 * 60 * 60 * 1000;
/** How long the row of a deleted or expired file is kept. */
export const ENDED_FILE_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
/** Upload progress is told to others at most this often. */
export const UPLOAD_TOLD_EVERY_MS = 250;

/**
 * Resumable uploads: how long a sender may be silent. Shorter than the server's time-out for idle connections, so that
 * what came is kept and told to whoever is still there.
 */
export const UPLOAD_SILENCE_MS_MAX = 20_000;
/** The same when somebody else asks for the upload: a connection that is half open is given up after this. */
export const UPLOAD_STALL_MS_MAX = 2_000;
/** How long a request waits for one that holds its upload and still receives bytes, or finishes; then UPLOAD_LOCKED. */
export const UPLOAD_LOCK_WAIT_MS_MAX = 8_000;
/** Requests that wait for one upload. */
export const UPLOAD_LOCK_WAITERS_MAX = 8;
/** The header Upload-Metadata: the longest name, options at their largest, in base64, and a little more. */
export const UPLOAD_METADATA_CHARS_MAX = 14 * 1024;

/** A result: upper case makes some characters of two bytes into six, so that it is at most three times the file. */
export const FILE_RESULT_BYTES_MAX = 3 * FILE_BYTES_MAX + 1024 * 1024;
/** Of what an operation says about a file, as JSON; more stands in the result file alone. */
export const FILE_SUMMARY_BYTES_MAX = 64 * 1024;
/** Before the next attempt, when one failed because the storage was away or full. */
export const FILE_STORAGE_PAUSE_MS = 30_000;

/** Rows that one round of the sweep ends, and forgets. */
export const FILES_ENDED_AT_ONCE = 100;
export const FILES_FORGOTTEN_AT_ONCE = 1_000;
/** How often all blobs are looked at for orphans, a page a minute. */
export const ORPHAN_PASS_MS = 6 * 60 * 60 * 1000;
/** Writes and uploads that nothing was added to for this long have no living row any more. */
export const UNFINISHED_BLOB_IDLE_MS = 2 * UPLOAD_PAUSE_MS_MAX;
