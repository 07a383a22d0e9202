import type { EventDelivery } from "@millrace/bus";
import { messaging, type Span, type Tracing } from "@millrace/observe";
import { EVENTS_STREAM, RECORDER_CONSUMER } from "@millrace/protocol/events/index";

/**
 * A batch belongs to many requests: its span stands in the trace of the first one that has one, and links to some others.
 * Undefined: none of them is recorded.
 */
export function startBatchSpan(tracing: Tracing, deliveries: readonly EventDelivery[]): Span | undefined {
  const [parent, ...links] = deliveries.flatMap(({ traceContext }) => traceContext ?? []);
  if (parent === undefined) return undefined;
  return tracing.start(`process ${EVENTS_STREAM}`, {
    ...{ kind: "consumer", parent, links },
    attributes: {
      ...messaging(EVENTS_STREAM, "process", "process"),
      "messaging.consumer.group.name": RECORDER_CONSUMER,
      "messaging.batch.message_count": deliveries.length,
    },
  });
}
