import { readEventsState } from "@millrace/bus";
import { EVENT_LEDGER_DAYS } from "@millrace/core/limits";
import { dayOf, dropOldEvents, forgetOldBatches, keepTextIndexes } from "@millrace/store";
import type { RecorderPorts } from "./ports.ts";

export interface DaysWish {
  readonly retentionDays: number;
  /** Whether `q` has an index. */
  readonly isTextIndexed: boolean;
  readonly nowMs: number;
}

/** Makes the days to come, drops those whose time is over, and forgets what the ledger need not know any more. */
export async function keepDays(
  ports: RecorderPorts,
  { retentionDays, isTextIndexed, nowMs }: DaysWish,
): Promise<void> {
  const { upkeepSql: sql, bus, log, days } = ports;
  const made = await days.makeComing();
  const text = await keepTextIndexes(sql, { isWanted: isTextIndexed, today: dayOf(nowMs) });
  if (text.made > 0 || text.dropped > 0) log.info("indexes for text", { ...text });
  const dropped = await dropOldEvents(sql, { retentionDays, nowMs });
  const { firstSeq } = await readEventsState(bus);
  const forgotten = await forgetOldBatches(sql, { firstSeq, ageDays: EVENT_LEDGER_DAYS });
  if (made > 0 || dropped.days.length > 0 || dropped.lateEvents > 0 || forgotten > 0)
    log.info("days of events", {
      made,
      dropped: dropped.days,
      late_events_deleted: dropped.lateEvents,
      ledger_rows_deleted: forgotten,
    });
}
