/** Bounds of workers that speak HTTP. */

/** Task types that one worker may register for. */
export const WORKER_CAPABILITIES_MAX = 100;
/** Workers that one user may have registered. */
export const REMOTE_WORKERS_PER_OWNER_MAX = 1_000;
export const WORKER_INSTANCE_CHARS_MAX = 64;
/** Seconds between the heartbeats that a worker may promise. */
export const WORKER_HEARTBEAT_S_MIN = 1;
export const WORKER_HEARTBEAT_S_MAX = 60;
/** Tasks that one request may lease, and how long it may wait for the first. */
export const LEASE_TASKS_MAX = 100;
export const LEASE_WAIT_S_MAX = 30;
/** How long a lease holds that is neither extended nor ended. */
export const LEASE_S = 30;
/** A busy worker that is to run a task alone is given nothing else; another one may be after this, if it asks no more. */
export const LEASE_ALONE_HELD_S = 60;
/** How often one request looks again when limits hold back what it found: behind it may be what they do not. */
export const LEASE_ROUNDS_MAX = 20;
/** Requests that wait for tasks, in one api process. */
export const LEASES_WAITING_MAX = 5_000;
/** Leases that one round of the scheduler ends for their time-out. */
export const WORKER_LEASES_AT_ONCE = 500;
/** Tasks that one step takes on the shelf, or off it. */
export const SHELVE_TASKS_MAX = 2_000;
/** A worker of which nothing was heard for this long is forgotten. */
export const REMOTE_WORKER_KEPT_DAYS = 7;
/** How often a worker of the product looks whether it is drained: what a lost word costs; and after a look that failed. */
export const DRAINS_LOOK_MS = 60_000;
export const DRAINS_RETRY_MS = 1_000;
/** A drained worker of the product of which nobody knows is forgotten after this: its machine is gone. */
export const DRAINS_KEPT_DAYS = 90;
/** Without a live worker of the product for this long, a type is not theirs any more: a deployment takes less. */
export const ROUTE_GONE_MS = 10 * 60 * 1000;
/** How long a token's session and rights are trusted without a look into the database. */
export const REMOTE_WORKER_CACHE_MS = 15_000;
