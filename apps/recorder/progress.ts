import type { Recorded } from "@millrace/store";

/** How far the recorder is behind the stream. */
export interface Lag {
  readonly messages: number;
  /** About; from how many events messages held lately. */
  readonly events: number;
  /** Age of the oldest message that is not recorded. */
  readonly seconds: number;
}

export interface Counts {
  readonly stored: number;
  readonly rejected: number;
  readonly deduplicated: number;
}

/** How much the newest message counts in the mean. */
const MEAN_WEIGHT = 0.05;

/** What the recorder tells of itself; the duties read and write it. */
export class Progress {
  #counts: Counts = { stored: 0, rejected: 0, deduplicated: 0 };
  #eventsPerMessage = 1;
  /** Of this process's life. */
  lag: Lag = { messages: 0, events: 0, seconds: 0 };
  /** Events that were accepted and are missing. */
  unaccounted = 0;

  get counts(): Counts {
    return this.#counts;
  }

  add(recorded: readonly Recorded[]): void {
    let { stored, rejected, deduplicated } = this.#counts;
    for (const one of recorded) {
      stored += one.stored;
      rejected += one.rejected;
      deduplicated += one.deduplicated;
      const events = one.stored + one.rejected + one.deduplicated;
      this.#eventsPerMessage += MEAN_WEIGHT * (events - this.#eventsPerMessage);
    }
    this.#counts = { stored, rejected, deduplicated };
  }

  eventsIn(messages: number): number {
    return Math.round(messages * this.#eventsPerMessage);
  }

  /** For `/health/ready`. */
  describe(): Readonly<Record<string, unknown>> {
    const { messages, events, seconds } = this.lag;
    return {
      lag_messages: messages,
      lag_events: events,
      lag_seconds: Math.round(seconds * 10) / 10,
      unaccounted: this.unaccounted,
      ...this.#counts,
    };
  }
}
