import type { Delivery } from "@millrace/bus";
import { messaging, type Span, type SpanAttributes, type Tracing } from "@millrace/observe";
import { type Dispatch, levelConsumer, TASKS_STREAM, taskSubject } from "@millrace/protocol";
import type { Settlement } from "@millrace/store";

/**
 * What follows of the publication: the delivery, from its arrival to its outcome. Undefined when its trace is not recorded.
 * A message tells of its publication; one that was written where nobody traces, of the request behind it.
 */
export function startDeliverySpan(
  tracing: Tracing,
  delivery: Delivery,
  dispatch: Dispatch,
): Span | undefined {
  const parent = delivery.traceContext ?? dispatch.trace_context;
  if (parent === undefined) return undefined; // Not sampled where it came in, so it is not to be sampled here.
  return tracing.start(`process ${TASKS_STREAM}`, {
    kind: "consumer",
    parent,
    attributes: {
      ...messaging(taskSubject(dispatch, dispatch.task_type), "process", "process"),
      "messaging.consumer.group.name": levelConsumer(delivery.level),
      ...aboutAttempt(dispatch),
    },
  });
}

export function aboutAttempt(dispatch: Dispatch): SpanAttributes {
  return {
    "task.id": dispatch.task_id,
    "task.type": dispatch.task_type,
    "task.attempt": dispatch.attempt,
    "task.priority": dispatch.priority,
    "task.lane": dispatch.lane,
  };
}

/** How the writing of an outcome is called. */
export const SETTLING: Readonly<Record<Settlement["kind"], string>> = {
  completed: "complete task",
  failed: "fail attempt",
  dead: "bury task",
  returned: "give task back",
};
