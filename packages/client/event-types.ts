import type { Json } from "@millrace/core";

export type EventLevel = "debug" | "info" | "warn" | "error" | (string & {});

/** An event as it is sent. Fields beyond the named ones go into `attributes`. */
export interface LogEvent {
  readonly type: string;
  readonly message: string;
  /** RFC 3339 with an offset, or epoch ms; the time of its arrival when absent. */
  readonly timestamp?: string | number | Date;
  /** The name of the API key when absent. */
  readonly source?: string;
  /** "info" when absent. */
  readonly level?: EventLevel;
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Shown again by queries. It is no guard against sending twice: that is what the Idempotency-Key is. */
  readonly id?: string;
  readonly [field: string]: unknown;
}

/** An event as it comes out of a query or a tail. */
export interface StoredEvent {
  readonly id: string;
  readonly timestamp: string;
  readonly type: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
  readonly attributes: { readonly [key: string]: Json };
  readonly received_at: string;
  readonly correlation_id: string;
}

/** Why one event was not taken. */
export interface EventRejection {
  /** Position among the events that were given. */
  readonly index: number;
  /** `VALIDATION_FAILED`, `EVENT_TOO_LARGE`, `BAD_JSON`, … */
  readonly code: string;
  readonly message: string;
}

export interface SendAnswer {
  /** On the disk of the server, in the stream. */
  readonly accepted: number;
  readonly rejected: readonly EventRejection[];
  /** More than `rejected` lists, where the API has cut the list. */
  readonly rejected_total: number;
  /**
   * For `receipt` and `waitStored`; null when nothing was accepted. What took several requests has their receipts here,
   * with commas between.
   */
  readonly receipt: string | null;
}

export interface ReceiptState {
  readonly accepted: number;
  /** Of these, the ones that a query finds. */
  readonly stored: number;
  readonly state: "accepted" | "stored";
}

export interface EventKinds {
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly level?: string | undefined;
}

export interface TailFilter extends EventKinds {
  /** A part of the message, in any case. */
  readonly q?: string | undefined;
}

export interface EventSpan {
  /** Included. */
  readonly from?: string | Date | undefined;
  /** Not included. */
  readonly to?: string | Date | undefined;
}

export interface EventQuery extends TailFilter, EventSpan {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly items: readonly StoredEvent[];
  readonly limit: number;
  /** Older events; null at the end. */
  readonly next_cursor: string | null;
  /** Newer events, also those that are still to come; null when there was none to begin from. */
  readonly prev_cursor: string | null;
}

export interface HistogramQuery extends EventKinds, EventSpan {
  /** Whole minutes, hours or days: "5m", "1h", "1d"; one that suits the span when absent. */
  readonly interval?: string | undefined;
  readonly by?: "type" | "source" | "level" | undefined;
}

export interface Histogram {
  readonly from: string;
  readonly to: string;
  readonly interval_s: number;
  readonly by: "type" | "source" | "level" | null;
  /** The most frequent first; the last one may be "(others)". */
  readonly keys: readonly string[];
  readonly buckets: readonly HistogramBucket[];
}

export interface HistogramBucket {
  readonly start: string;
  readonly total: number;
  /** By key; absent ones are zero. Empty without `by`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Per minute of arrival: accepted = stored + rejected + deduplicated + in flight. */
export interface Ledger {
  readonly from: string;
  readonly to: string;
  readonly is_even: boolean;
  readonly in_flight_messages: number;
  /** More are in flight than were looked at. */
  readonly is_partial: boolean;
  readonly lost_messages: number;
  readonly minutes: readonly LedgerMinute[];
}

export interface LedgerMinute {
  readonly minute: string;
  readonly accepted: number;
  readonly stored: number;
  readonly rejected: number;
  readonly deduplicated: number;
  readonly in_flight: number;
  /** Answered with a refusal; counted nowhere else. */
  readonly refused: number;
  readonly lost_messages: number;
  readonly difference: number;
}
