import type { AskedLane, FieldProblem, Json } from "@millrace/core";
import { checkHttpRequest, HTTP_REQUEST_FIELDS } from "./http-request.ts";
import { checkSimulate, SIMULATE_FIELDS, simulateLane } from "./simulate.ts";
import { withoutTemplates } from "./templates.ts";

export { isExpectedStatus, type StatusRange } from "./expect-status.ts";
export type { Parsed } from "./fields.ts";
export { type HttpMethod, type HttpRequestPayload, parseHttpRequest } from "./http-request.ts";
export { parseSimulate, type SimulatePayload } from "./simulate.ts";

export interface BuiltInTaskType {
  readonly taskType: string;
  /** The lane of a task that names none. */
  laneFor(payload: Json): AskedLane;
  /**
   * What is wrong with a payload at submission; empty when nothing is. Values that are still templates
   * (`{{tasks.<id>.result.path}}`) are left to the worker, which parses again once they are replaced.
   */
  check(payload: Json): readonly FieldProblem[];
}

const TYPES: readonly BuiltInTaskType[] = [
  {
    taskType: "http.request",
    laneFor: () => "short",
    check: (payload) => withoutTemplates(payload, checkHttpRequest(payload), HTTP_REQUEST_FIELDS),
  },
  {
    taskType: "simulate",
    laneFor: simulateLane,
    check: (payload) => withoutTemplates(payload, checkSimulate(payload), SIMULATE_FIELDS),
  },
];

/** The task types whose payloads the api checks before it takes the task. Any other payload is the worker's business. */
export const BUILT_IN_TASK_TYPES: ReadonlyMap<string, BuiltInTaskType> = new Map(
  TYPES.map((type) => [type.taskType, type]),
);
