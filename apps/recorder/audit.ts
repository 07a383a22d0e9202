import { readEventsState, readStoredAt } from "@millrace/bus";
import { judgeEventLosses } from "@millrace/core/event-alerts";
import { findLedgerGaps, noteLosses, readClock } from "@millrace/store";
import type { RecorderPorts } from "./ports.ts";

export interface AuditTimes {
  /** A gap counts after this: messages are recorded out of order, and come again after the ack wait. */
  readonly graceMs: number;
  /** How far back it looks; many rounds long, so that no gap is missed between two of them. */
  readonly sinceMs: number;
}

export const AUDIT_TIMES: AuditTimes = { graceMs: 60_000, sinceMs: 15 * 60_000 };

/**
 * Every accepted message must be recorded. Api processes number theirs without gaps, and tell how far they have come, so
 * a gap in the ledger, or before such a mark, is a message that was accepted and lost: the one thing that must not
 * happen, and that nobody would notice otherwise.
 */
export async function audit(ports: RecorderPorts, times: AuditTimes = AUDIT_TIMES): Promise<void> {
  const { sql, log, metrics, progress } = ports;
  const wish = { ...times, settledAt: await findSettled(ports) };
  const gaps = await findLedgerGaps(sql, wish);
  const { messages, events, added } = await noteLosses(sql, gaps, wish);
  const alert = judgeEventLosses({ messages, events });
  for (const gap of added)
    log.error("events do not add up: accepted messages are missing", {
      alert: alert?.code,
      instance: gap.instance,
      first_ordinal: gap.firstOrdinal,
      last_ordinal: gap.lastOrdinal,
      messages: gap.messages,
      events: gap.events,
      received_before: gap.receivedAt.toISOString(),
    });
  if (alert === null && progress.unaccounted > 0) log.info("events add up again");
  progress.unaccounted = events;
  metrics.unaccounted.set({}, events);
  metrics.unaccountedMessages.set({}, messages);
}

/**
 * Up to when the stream is recorded, by the database's clock (the stream's may differ by less than the grace). Null when
 * NATS does not say: then what is missing at the end must wait, and what is missing in between shows all the same.
 */
async function findSettled({ bus, sql, log }: RecorderPorts): Promise<Date | null> {
  const now = await readClock(sql);
  try {
    const { unrecorded, ackFloor } = await readEventsState(bus);
    const oldest = unrecorded === 0 ? null : await readStoredAt(bus, ackFloor + 1);
    return oldest === null || oldest > now ? now : oldest;
  } catch (error) {
    log.warning("the audit does not know what is in flight", { error });
    return null;
  }
}
