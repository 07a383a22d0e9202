import { POLL_FACTOR, POLL_MS_FIRST, POLL_MS_MAX } from "./bounds.ts";
import type { Clock } from "./clock.ts";
import type { Task } from "./types.ts";

/**
 * Yields a task as it changes, until its consumer has seen enough. `waitFor` knows no other source of news: one that
 * listens to the task's event stream takes the place of the polling one without a change elsewhere.
 */
export type WatchTask = (taskId: string, signal: AbortSignal | undefined) => AsyncIterable<Task>;

interface Polling {
  readonly clock: Clock;
  get(taskId: string, signal: AbortSignal | undefined): Promise<Task>;
}

export function pollTask({ clock, get }: Polling): WatchTask {
  return (taskId, signal) => poll(clock, () => get(taskId, signal), signal);
}

/** Looks often at first and seldom later. Ends with its consumer, its signal, or a look that fails. */
export async function* poll<T>(
  clock: Clock,
  look: () => Promise<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, never, void> {
  for (let pauseMs = POLL_MS_FIRST; ; pauseMs = Math.min(POLL_MS_MAX, pauseMs * POLL_FACTOR)) {
    yield await look();
    await clock.sleep(pauseMs, signal);
  }
}
