import { type Dispatch, traceFields } from "@millrace/protocol";

/** What each log line about an attempt says. */
export function about(dispatch: Dispatch): Readonly<Record<string, unknown>> {
  return {
    task_id: dispatch.task_id,
    task_type: dispatch.task_type,
    attempt: dispatch.attempt,
    correlation_id: dispatch.correlation_id,
    ...traceFields(dispatch.trace_context),
  };
}
