import { ackProgress, type Bus, type Delivery } from "@millrace/bus";
import { ACK_PROGRESS_MS } from "@millrace/core/limits";
import type { Dispatch } from "@millrace/protocol";
import { type AbortKind, AttemptAborted } from "./run-attempt.ts";

export interface RunningAttempt {
  readonly dispatch: Dispatch;
  readonly delivery: Delivery;
  readonly abort: AbortController;
  readonly startedAtMs: number;
}

/** What runs in this process now: asked by the heartbeat, by cancellations, by the drain and by the audit. */
export class RunningAttempts {
  readonly #bySeq = new Map<number, RunningAttempt>();
  /** Claims on their way to the database or back, by task. */
  readonly #asked = new Map<number, number>();
  readonly #bus: Bus;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#timer = setInterval(() => this.#sayStillAtIt(), ACK_PROGRESS_MS);
  }

  get size(): number {
    return this.#bySeq.size;
  }

  /** It runs, or would if the answer to its claim came now. */
  has(seq: number): boolean {
    return this.#bySeq.has(seq) || this.#asked.has(seq);
  }

  /**
   * Waits for the answer to a claim. Meanwhile the database may hold the claim already, and the answer be late: whoever
   * gave it back then would have the task run here and elsewhere.
   */
  async whileAsked<T>(seq: number, answer: Promise<T>): Promise<T> {
    this.#asked.set(seq, (this.#asked.get(seq) ?? 0) + 1);
    try {
      return await answer;
    } finally {
      const left = (this.#asked.get(seq) ?? 1) - 1;
      if (left > 0) this.#asked.set(seq, left);
      else this.#asked.delete(seq);
    }
  }

  add(attempt: RunningAttempt): void {
    this.#bySeq.set(attempt.dispatch.seq, attempt);
  }

  /** Until the outcome is settled, so that the audit takes nothing for an orphan that waits for the database. */
  remove({ seq, attempt }: Pick<Dispatch, "seq" | "attempt">): void {
    if (this.#bySeq.get(seq)?.dispatch.attempt === attempt) this.#bySeq.delete(seq);
  }

  taskIds(): readonly string[] {
    return [...this.#bySeq.values()].map((attempt) => attempt.dispatch.task_id);
  }

  abort(seq: number, attempt: number, kind: AbortKind): void {
    const running = this.#bySeq.get(seq);
    if (running?.dispatch.attempt === attempt)
      running.abort.abort(new AttemptAborted(kind, `the task was ${kind}`));
  }

  abortAll(kind: AbortKind): void {
    for (const running of this.#bySeq.values())
      running.abort.abort(new AttemptAborted(kind, `the worker ${kind}`));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Keeps long tasks from being delivered again and again. If it fails to, the claim still holds. */
  #sayStillAtIt(): void {
    const sinceMs = performance.now() - ACK_PROGRESS_MS;
    for (const running of this.#bySeq.values())
      if (running.startedAtMs <= sinceMs) ackProgress(this.#bus, running.delivery);
  }
}
