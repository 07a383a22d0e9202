import { type Bus, followLive, followProgress } from "@millrace/bus";
import { PROGRESS_TASKS_MAX } from "@millrace/core/limits";
import type { LiveProgress, LiveTask } from "@millrace/protocol";

/** One task's life as it goes on: what its workers tell, while somebody watches. */
export interface TaskWatcher {
  onStep(step: LiveTask): void;
  onProgress(progress: LiveProgress): void;
}

/** What is known of running tasks without asking the database. */
export interface LiveTasks {
  /** How far this attempt is; null when its handler has not said. */
  progressOf(seq: number, attempt: number): number | null;
  /** The returned function ends it. */
  watch(seq: number, watcher: TaskWatcher): () => void;
}

/** Fed by core NATS: a message per worker and moment, whatever the number of viewers; no query for any of them. */
export class BusLiveTasks implements LiveTasks {
  readonly #bus: Bus;
  readonly #progress = new Map<number, LiveProgress>();
  readonly #watchers = new Map<number, Set<TaskWatcher>>();
  #unfollow: (() => void) | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
    followProgress(bus, (told) => {
      for (const progress of told) this.#hear(progress);
    });
  }

  progressOf(seq: number, attempt: number): number | null {
    const told = this.#progress.get(seq);
    return told?.attempt === attempt ? told.progress : null;
  }

  watch(seq: number, watcher: TaskWatcher): () => void {
    const watchers = this.#watchers.get(seq) ?? new Set();
    this.#watchers.set(seq, watchers.add(watcher));
    // Steps are many under load, and only watchers want them.
    this.#unfollow ??= followLive(this.#bus, ({ tasks }) => {
      for (const step of tasks) for (const each of this.#watchers.get(step.seq) ?? []) each.onStep(step);
    });
    return () => {
      if (!watchers.delete(watcher)) return; // Left already; others may have come since.
      if (watchers.size === 0) this.#watchers.delete(seq);
      if (this.#watchers.size > 0) return;
      this.#unfollow?.();
      this.#unfollow = undefined;
    };
  }

  #hear(progress: LiveProgress): void {
    this.#progress.delete(progress.seq); // A map keeps the order of insertion: the stalest goes first.
    this.#progress.set(progress.seq, progress);
    if (this.#progress.size > PROGRESS_TASKS_MAX) {
      const [stalest] = this.#progress.keys();
      if (stalest !== undefined) this.#progress.delete(stalest);
    }
    for (const watcher of this.#watchers.get(progress.seq) ?? []) watcher.onProgress(progress);
  }
}
