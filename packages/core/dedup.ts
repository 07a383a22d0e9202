/**
 * Submissions that mean the same work, by a key of the submitter's. Keys belong to an owner and a task type; those of the
 * two kinds are apart. Who has a key is its holder.
 *
 * - dedup: while the holder is not finished (or, with a window, so long after it was stored) there is no second one.
 * - debounce: until the holder starts, whoever comes replaces its payload and puts its start off, up to its latest start.
 */
export type DedupKind = "dedup" | "debounce";

/** What the row of a key says, and where its holder stands. */
export interface KeyHolder {
  readonly kind: DedupKind;
  /** False: its day has been dropped, or it was never stored. */
  readonly isKept: boolean;
  readonly isOpen: boolean;
  /** An attempt has been claimed, whatever became of it. */
  readonly hasStarted: boolean;
  /** It was dead or cancelled once, also when somebody brought it back. */
  readonly hasFailed: boolean;
  /** Where the window of a dedup key ends; null: it has none, or it is a debounce key. */
  readonly untilMs: number | null;
}

/**
 * Whether the key still keeps others out. What failed or was cancelled never does: whoever submits again wants it done. And
 * what was brought back from there holds nothing, so that the answer does not depend on who looked in between.
 */
export function holdsKey(holder: KeyHolder, nowMs: number): boolean {
  if (!holder.isKept || holder.hasFailed) return false;
  if (holder.kind === "debounce") return holder.isOpen && !holder.hasStarted;
  return holder.untilMs === null ? holder.isOpen : nowMs < holder.untilMs;
}

/** When a debounced task starts, after one more submission: in `seconds` from now, and never later than its latest start. */
export function debouncedStartMs(wish: {
  readonly nowMs: number;
  readonly seconds: number;
  readonly latestMs: number;
}): number {
  return Math.min(wish.nowMs + Math.round(wish.seconds * 1000), wish.latestMs);
}
