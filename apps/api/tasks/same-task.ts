import { isDeepStrictEqual } from "node:util";
import type { NewTask, TaskRecord } from "@millrace/store";

/**
 * Whether a submission asks for what is stored under its id already: then it is a repetition, and harmless.
 * A task with a `delay` is due later each time it is sent, so the time of its first run is not compared; nor what other
 * submissions may have changed of one that is debounced.
 */
export function isSameTask(wish: NewTask, stored: TaskRecord, isDelayed: boolean): boolean {
  const isDebounced = wish.dedup?.kind === "debounce";
  return (
    wish.owner_id === stored.ownerId &&
    wish.task_type === stored.taskType &&
    wish.priority === stored.priority &&
    wish.lane === stored.lane &&
    wish.timeout_s === stored.timeoutS &&
    wish.max_attempts === stored.maxAttempts &&
    wish.tenant === stored.tenant &&
    (wish.ttl_s ?? null) === stored.ttlS &&
    isSameJson(wish.dedup ?? null, stored.dedup) &&
    (isDelayed || isDebounced || wish.run_at === (stored.runAt?.toISOString() ?? null)) &&
    (wish.on_parent_failure ?? "fail") === stored.onParentFailure &&
    isSameJson(wish.dependencies ?? [], stored.dependencies) &&
    isSameJson(wish.backoff, stored.backoff) &&
    (isDebounced || isSameJson(wish.payload, stored.payload))
  );
}

/** JSON.parse makes -0 of "-0", and what was stored went through JSON.stringify, which knows one zero only. */
function isSameJson(sent: unknown, stored: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(sent)), stored);
}
