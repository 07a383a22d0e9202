import type {
  EventPage,
  EventRejection,
  Histogram,
  Ledger,
  ReceiptState,
  StoredEvent,
} from "./event-types.ts";
import { isObject } from "./shapes.ts";

/** What the API says of one request; of a request that was refused as a whole, in the members of its problem. */
export interface Taken {
  readonly accepted: number;
  readonly rejected: readonly EventRejection[];
  readonly rejected_total?: number;
  readonly receipt?: string | null;
  /** Of a request that failed halfway: events from here on were not looked at. */
  readonly next_index?: number;
}

export function isTaken(value: unknown): value is Taken {
  return isObject(value) && typeof value.accepted === "number" && Array.isArray(value.rejected);
}

export function isReceiptState(value: unknown): value is ReceiptState {
  return isObject(value) && typeof value.stored === "number" && typeof value.state === "string";
}

export function isEventPage(value: unknown): value is EventPage {
  return isObject(value) && Array.isArray(value.items);
}

export function isStoredEvent(value: unknown): value is StoredEvent {
  return isObject(value) && typeof value.id === "string" && typeof value.type === "string";
}

export function isHistogram(value: unknown): value is Histogram {
  return isObject(value) && Array.isArray(value.buckets) && Array.isArray(value.keys);
}

export function isLedger(value: unknown): value is Ledger {
  return isObject(value) && Array.isArray(value.minutes) && typeof value.is_even === "boolean";
}
