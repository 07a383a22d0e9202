/** Bounds of the built-in task types. */

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
