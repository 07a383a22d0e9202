import { EVENT_PARTITION_DAYS_BACK_MAX } from "@millrace/core/limits";
import type { Log } from "@millrace/observe";
import { type BatchRecord, dayOf, makeEventPartitions, type Sql } from "@millrace/store";

const DAY_MS = 86_400_000;
/** A recorder may be away for a week before events of today go to the default partition. */
const DAYS_AHEAD = 8;
const DAYS_KNOWN_MAX = 2_000;
/** After a failure: behind a long query the partition would only be tried again and again. */
const RETRY_MS = 30_000;

export interface EventDaysOptions {
  readonly sql: Sql;
  readonly log: Log;
  readonly retentionDays: number;
  readonly nowMs: () => number;
}

/**
 * Makes partitions: of the coming days ahead of need, and of a past day when a late event arrives for it. Beyond the
 * retention, and where a partition cannot be made now, events go to the default one; nothing is refused or held up.
 */
export class EventDays {
  readonly #options: EventDaysOptions;
  readonly #known = new Set<string>();
  #notBeforeMs = 0;

  constructor(options: EventDaysOptions) {
    this.#options = options;
  }

  /** Returns how many it made. Throws when the database does not let it. */
  async makeComing(): Promise<number> {
    const { sql, nowMs } = this.#options;
    const days = Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => dayOf(nowMs() + index * DAY_MS));
    const made = await makeEventPartitions(sql, days);
    this.#remember(days);
    return made;
  }

  /** Before events of these days are stored. */
  async prepareFor(batches: readonly BatchRecord[]): Promise<void> {
    const { sql, log, nowMs } = this.#options;
    const days = this.#unknownDays(batches);
    if (days.length === 0 || nowMs() < this.#notBeforeMs) return;
    try {
      const made = await makeEventPartitions(sql, days);
      this.#remember(days);
      if (made > 0) log.info("partitions for late events", { days });
    } catch (error) {
      this.#notBeforeMs = nowMs() + RETRY_MS;
      log.warning("no partition for late events; they go to the default one", { days, error });
    }
  }

  #unknownDays(batches: readonly BatchRecord[]): readonly string[] {
    const { retentionDays, nowMs } = this.#options;
    const now = nowMs();
    const backMs = Math.min(retentionDays, EVENT_PARTITION_DAYS_BACK_MAX) * DAY_MS;
    const unknown = new Set<string>();
    let lastMs = Number.NaN;
    for (const { rollups } of batches)
      for (const { minuteMs } of rollups) {
        if (minuteMs === lastMs || minuteMs < now - backMs || minuteMs > now + 2 * DAY_MS) continue;
        lastMs = minuteMs;
        const day = dayOf(minuteMs);
        if (!this.#known.has(day)) unknown.add(day);
      }
    return [...unknown];
  }

  #remember(days: readonly string[]): void {
    if (this.#known.size > DAYS_KNOWN_MAX) this.#known.clear();
    for (const day of days) this.#known.add(day);
  }
}
