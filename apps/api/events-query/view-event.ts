import { placeId } from "@millrace/protocol/events/index";
import type { EventRow } from "@millrace/store";
import { isoTime } from "../http/iso-time.ts";

/** An event as clients see it. */
export function viewEvent(row: EventRow) {
  return {
    id: row.id ?? placeId(row.seq, row.line),
    timestamp: row.ts,
    type: row.type,
    level: row.level,
    source: row.source,
    message: row.message,
    attributes: row.attributes ?? {},
    received_at: isoTime(row.receivedAt),
    correlation_id: row.correlationId,
  };
}

export type EventView = ReturnType<typeof viewEvent>;
