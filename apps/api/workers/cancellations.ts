import type { CancelNotice } from "@millrace/bus";

/** How long it is told: beats come more often, and whoever missed it learns it when it extends the lease. */
const KEPT_MS = 5 * 60 * 1000;
const NOTICES_MAX = 10_000;

interface Notice {
  readonly session: string;
  readonly taskId: string;
  readonly untilMs: number;
}

/** Running tasks that were cancelled, for the workers that run them: told with their next answer. */
export class Cancellations {
  readonly #nowMs: () => number;
  #notices: Notice[] = [];

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  note({ session, task_id: taskId }: CancelNotice): void {
    if (taskId === undefined) return;
    const nowMs = this.#nowMs();
    // In the order in which they end: what is over stands in front.
    const over = this.#notices.findIndex((notice) => notice.untilMs > nowMs);
    if (over !== 0) this.#notices = over === -1 ? [] : this.#notices.slice(over);
    if (this.#notices.length >= NOTICES_MAX) this.#notices.shift();
    this.#notices.push({ session, taskId, untilMs: nowMs + KEPT_MS });
  }

  of(session: string): readonly string[] {
    const nowMs = this.#nowMs();
    const own = this.#notices.filter((notice) => notice.session === session && notice.untilMs > nowMs);
    return [...new Set(own.map(({ taskId }) => taskId))];
  }
}
