/** Bounds of identity: passwords, sessions, keys, and what is remembered of them. */

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
/** While the database is away, identities it confirmed are trusted this long: nothing can be revoked meanwhile. As long as mending it may take. */
export const IDENTITY_STALE_MS_MAX = 60 * 60 * 1000;
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

/** Blocks of proxies whose word about a caller's address is taken. */
export const TRUSTED_PROXIES_MAX = 32;
/** Proxies in a row that are looked past, from the nearest. */
export const FORWARDED_HOPS_MAX = 16;
