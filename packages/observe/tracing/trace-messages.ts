import type { TracedMessage } from "@millrace/protocol";
import type { Span, SpanAttributes, Tracing } from "./tracing.ts";

/** Spans of publications, for the bus; undefined where nothing is traced. */
export function publishTracer(
  tracing: Tracing | undefined,
): ((message: TracedMessage) => Span | undefined) | undefined {
  if (tracing === undefined) return undefined;
  return ({ causes: [parent, ...links], stream, subject, messageId, bytes }) =>
    tracing.start(`publish ${stream}`, {
      ...{ kind: "producer", parent, links },
      attributes: {
        ...messaging(subject, "publish", "send"),
        "messaging.message.id": messageId,
        "messaging.message.body.size": bytes,
      },
    });
}

/** @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
export function messaging(destination: string, name: string, type: "send" | "process"): SpanAttributes {
  return {
    "messaging.system": "nats",
    "messaging.destination.name": destination,
    "messaging.operation.name": name,
    "messaging.operation.type": type,
  };
}
