import {
  joinTraceContext,
  splitTraceContext,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
  type TracedMessage,
} from "@millrace/protocol";
import type { MsgHdrs } from "nats";

/** What the publication of a message is to those who trace it. */
export interface PublishSpan {
  /** What stands in the message, for whoever takes it. */
  readonly context: string;
  fail(code: string, message: string): void;
  end(): void;
}

/** Begins the span of a publication; undefined: it is not recorded. */
export type TracePublish = (message: TracedMessage) => PublishSpan | undefined;

export function writeTrace(header: MsgHdrs, context: string): void {
  const trace = splitTraceContext(context);
  if (trace === undefined) return;
  header.set(TRACEPARENT_HEADER, trace.traceparent);
  if (trace.tracestate !== undefined) header.set(TRACESTATE_HEADER, trace.tracestate);
}

export function readTrace(header: MsgHdrs | undefined): string | undefined {
  if (header === undefined) return undefined;
  return joinTraceContext(header.get(TRACEPARENT_HEADER), header.get(TRACESTATE_HEADER));
}
