/** Bounds of schedules and of queue control. */

export const SCHEDULE_ID_CHARS_MAX = 64;
export const SCHEDULE_NAME_CHARS_MAX = 100;
export const SCHEDULE_CRON_CHARS_MAX = 100;
export const TIME_ZONE_CHARS_MAX = 64;
export const SCHEDULE_EVERY_S_MIN = 1;
export const SCHEDULE_EVERY_S_MAX = 366 * 24 * 60 * 60;
/** Schedules that one user may have. */
export const SCHEDULES_PER_OWNER_MAX = 1_000;
/** Next runs that a schedule shows, and last ones that it remembers. */
export const SCHEDULE_PREVIEW_TICKS = 5;
export const SCHEDULE_RUNS_KEPT = 100;

/** A tick is missed when nobody made its task within this time; before, it is merely late. */
export const SCHEDULE_LATE_MS_MAX = 15_000;
/** How far back `catch_up` goes: 86 400 tasks for a schedule that is due each second. */
export const SCHEDULE_CATCH_UP_MS_MAX = 24 * 60 * 60 * 1000;
/** A scheduler looks when the next one is due at least this often: it may have missed the word, or the clock jumped. */
export const SCHEDULE_LOOK_MS_MAX = 30_000;
/** Somebody else has what is due in his hands; or the database was away. */
export const SCHEDULE_RETRY_MS = 200;
/** A schedule that cannot be fired, for what it says, is tried again after this. */
export const SCHEDULE_PROBLEM_MS = 60_000;
/** Schedules, and ticks of each, that one transaction takes. */
export const SCHEDULES_AT_ONCE_MAX = 100;
export const SCHEDULE_TICKS_AT_ONCE_MAX = 100;
/** How often a held tick is looked at again: how late it may start after the run before it has ended. */
export const SCHEDULE_HELD_LOOK_MS = 500;

/** Names (lanes and task types) that may be paused at once: every worker keeps them in memory. */
export const QUEUE_PAUSES_MAX = 1_000;
export const PAUSE_REASON_CHARS_MAX = 200;
/** How often a process reads what is paused anew: what a lost word costs; and how soon after a reading that failed. */
export const PAUSES_LOOK_MS = 15_000;
export const PAUSES_RETRY_MS = 1_000;
/** Tasks of a level or type are counted up to here. */
export const QUEUE_COUNT_MAX = 10_000;
/** Deadlines that one round of the scheduler looks at. */
export const EXPIRE_TASKS_MAX = 1_000;
/** Parked tasks that one round of the scheduler brings back. */
export const UNPARK_TASKS_MAX = 2_000;
