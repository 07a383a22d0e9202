import { findLedgerGaps, noteLosses } from "@millrace/store";
import type { RecorderPorts } from "./ports.ts";

export interface AuditTimes {
  /** A gap counts after this: messages are recorded out of order, and come again after the ack wait. */
  readonly graceMs: number;
  /** How far back it looks; many rounds long, so that no gap is missed between two of them. */
  readonly sinceMs: number;
}

export const AUDIT_TIMES: AuditTimes = { graceMs: 60_000, sinceMs: 15 * 60_000 };

/**
 * Every accepted message must be recorded. Api processes number theirs without gaps, so a gap in the ledger is a message
 * that was accepted and lost: the one thing that must not happen, and that nobody would notice otherwise.
 */
export async function audit(ports: RecorderPorts, times: AuditTimes = AUDIT_TIMES): Promise<void> {
  const { sql, log, metrics, progress } = ports;
  const gaps = await findLedgerGaps(sql, times);
  const { messages, added } = await noteLosses(sql, gaps);
  for (const gap of added)
    log.error("events do not add up: accepted messages are missing", {
      instance: gap.instance,
      first_ordinal: gap.firstOrdinal,
      last_ordinal: gap.lastOrdinal,
      messages: gap.messages,
      received_before: gap.receivedAt.toISOString(),
    });
  progress.unaccounted = messages;
  metrics.unaccounted.set({}, messages);
}
