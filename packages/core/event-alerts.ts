/** What the ledger of events misses. */
export interface EventLosses {
  readonly messages: number;
  readonly events: number;
}

export interface EventAlert {
  readonly code: "EVENTS_UNACCOUNTED";
  readonly severity: "critical";
  readonly message: string;
}

/** The rule: one accepted event that is neither stored, rejected, deduplicated nor in flight is one too many. */
export function judgeEventLosses({ messages, events }: EventLosses): EventAlert | null {
  if (messages <= 0 && events <= 0) return null;
  const message = `events do not add up: ${events} that were accepted are missing, in ${messages} messages`;
  return { code: "EVENTS_UNACCOUNTED", severity: "critical", message };
}
