import { TRACESTATE_CHARS_MAX } from "@millrace/core/limits";

/** Headers of W3C Trace Context: of requests, of messages, of calls. */
export const TRACEPARENT_HEADER = "traceparent";
export const TRACESTATE_HEADER = "tracestate";

/** `00-<trace>-<span>-<flags>`. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACEPARENT_CHARS = 55;
/** A later version begins in the same way, and may add parts; 255 is none. */
const LATER_VERSION = /^(?!00|ff)[0-9a-f]{2}-.{52}(-|$)/;
const TRACEPARENT_CHARS_MAX = 256;
/** Printable ASCII: it goes into headers. */
const TRACESTATE = /^[\x21-\x7e][\x20-\x7e]*$/;

export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** One text for rows and messages: `traceparent`, then a space and `tracestate` if there is one. */
export function joinTraceContext(
  traceparent: string | null | undefined,
  tracestate: string | null | undefined,
): string | undefined {
  if (typeof traceparent !== "string" || traceparent.length > TRACEPARENT_CHARS_MAX) return undefined;
  const known = LATER_VERSION.test(traceparent)
    ? `00${traceparent.slice(2, TRACEPARENT_CHARS)}`
    : traceparent;
  if (!TRACEPARENT.test(known)) return undefined;
  const isSane =
    typeof tracestate === "string" &&
    tracestate.length <= TRACESTATE_CHARS_MAX &&
    TRACESTATE.test(tracestate);
  return isSane ? `${known} ${tracestate}` : known;
}

/** Undefined for what `joinTraceContext` would not have made. */
export function splitTraceContext(context: string | undefined): TraceHeaders | undefined {
  if (context === undefined) return undefined;
  const traceparent = context.slice(0, TRACEPARENT_CHARS);
  if (!TRACEPARENT.test(traceparent)) return undefined;
  const tracestate = context.slice(TRACEPARENT_CHARS + 1);
  const isSane = tracestate.length <= TRACESTATE_CHARS_MAX && TRACESTATE.test(tracestate);
  return isSane ? { traceparent, tracestate } : { traceparent };
}

/** A message whose publication is traced. */
export interface TracedMessage {
  /** Contexts of those who caused it, the first one its parent. */
  readonly causes: readonly string[];
  readonly stream: string;
  readonly subject: string;
  readonly messageId: string;
  readonly bytes: number;
}

/** What log lines say of a trace. Empty where there is none. */
export function traceFields(context: string | undefined): {
  readonly trace_id?: string;
  readonly span_id?: string;
} {
  return context === undefined ? {} : { trace_id: context.slice(3, 35), span_id: context.slice(36, 52) };
}
