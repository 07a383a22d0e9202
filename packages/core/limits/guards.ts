/** Bounds of guards: circuit breakers, rate limits, limits of concurrency. */

/** Calls to a host are judged by those of this time, counted in so many slices. */
export const BREAKER_WINDOW_MS = 10_000;
export const BREAKER_WINDOW_SLICES = 10;
/** A breaker opens when so many calls of the window failed, and so large a share of all. */
export const BREAKER_FAILURES_MIN = 5;
export const BREAKER_FAILURE_SHARE = 0.5;
/** While it closes, less is enough: the host has just been down. */
export const BREAKER_RAMP_FAILURES_MIN = 2;
/** From the opening to the first probe; doubled after each probe that fails, up to the bound. */
export const BREAKER_COOL_DOWN_MS_MIN = 1_000;
export const BREAKER_COOL_DOWN_MS_MAX = 60_000;
/** Share of a cool-down by which it is longer or shorter, so that hosts that fell together are not probed together. */
export const BREAKER_JITTER = 0.2;
/** A probe belongs to its worker for so long; while the call goes on, the worker says so this often. */
export const BREAKER_PROBE_LEASE_MS = 15_000;
export const BREAKER_PROBE_RENEW_MS = 5_000;
/** From the probe that succeeded to everything; and the share of a worker's slots that the host gets at first. */
export const BREAKER_RAMP_MS = 5_000;
export const BREAKER_RAMP_SHARE_MIN = 0.1;
/** Hosts whose calls one worker counts. The one that was called least recently is forgotten first. */
export const BREAKER_HOSTS_MAX = 1_000;
/** Breakers that one process knows: those that are not closed, and some that were not long ago. */
export const BREAKERS_MAX = 10_000;
/** How long a closed breaker is still shown. */
export const BREAKER_KEPT_MS = 60 * 60 * 1000;
/** How often a process reads all breakers anew: what a lost word costs. */
export const BREAKERS_LOOK_MS = 15_000;
export const BREAKER_REASON_CHARS_MAX = 200;

/** Parked tasks that go on at first when a breaker closes; twice as many at each step after. */
export const RELEASE_FIRST = 5;
export const RELEASE_STEP_MS = 500;
/** Tasks that one round brings back for one name, and names that it looks at. */
export const RELEASE_TASKS_MAX = 2_000;
export const RELEASE_NAMES_MAX = 1_000;
/** Of so many parked tasks, the most urgent ones, the one that was tried least is the probe. */
export const PROBE_CANDIDATES_MAX = 20;

/** Limits that may be configured: every worker keeps them in memory. */
export const LIMITS_MAX = 1_000;
export const LIMIT_NAME_CHARS_MAX = 300;
export const LIMIT_RATE_MIN = 0.001;
export const LIMIT_RATE_MAX = 1_000_000;
export const LIMIT_BURST_MAX = 1_000_000;
export const LIMIT_CONCURRENT_MAX = 1_000_000;
/** How often a worker reads the limits anew. */
export const LIMITS_LOOK_MS = 30_000;
export const LIMITS_RETRY_MS = 1_000;
/** What a worker took of a rate and did not use within this time is lost: it may not be saved up beyond the burst. */
export const LIMIT_TOKENS_KEPT_MS = 100;
/** A worker's permits are everybody's again when it has not renewed them for so long. */
export const LIMIT_LEASE_MS = 12_000;
export const LIMIT_RENEW_MS = 4_000;
/** Permits that are not used go back after this; at once, when somebody was refused since. */
export const LIMIT_IDLE_MS = 5_000;
/** How long a refusal anywhere keeps workers from holding what they do not use. */
export const LIMIT_CONTENDED_MS = 3_000;
/** How often the scheduler looks at what a limit holds back. */
export const LIMIT_RELEASE_MS = 200;

/** What `why` counts before a task, and the parents that it names. */
export const WHY_AHEAD_MAX = 10_000;
export const WHY_PARENTS_MAX = 100;
