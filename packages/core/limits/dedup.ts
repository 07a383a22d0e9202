/** Bounds of keys that keep the same work from being submitted twice. */

export const DEDUP_KEY_CHARS_MAX = 200;
/** Shorter is one moment, longer than a month is history. A window also ends when its task is dropped by the retention. */
export const DEDUP_WINDOW_S_MIN = 1;
export const DEDUP_WINDOW_S_MAX = 30 * 24 * 60 * 60;

/** Schedules of the broker fire up to a quarter of a second late: less would promise too much. */
export const DEBOUNCE_S_MIN = 1;
export const DEBOUNCE_S_MAX = 24 * 60 * 60;
/** How long a stream of submissions can put one task off, when its first one does not say. */
export const DEBOUNCE_WAITS_DEFAULT = 10;
export const DEBOUNCE_WAIT_S_MAX = 7 * 24 * 60 * 60;
/** A message that comes this early waits with the broker; one that comes earlier is scheduled again. */
export const DEBOUNCE_EARLY_MS_MAX = 5_000;

/** Keys that one round of the sweep looks at. */
export const DEDUP_SWEEP_KEYS_MAX = 2_000;
/** Tries of one submission whose id somebody else took at the same moment. */
export const DEDUP_TRIES_MAX = 3;
