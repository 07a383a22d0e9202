import type { Json } from "@millrace/core";
import { AUTH_BODY_BYTES_MAX, RESULT_BYTES_MAX } from "@millrace/core/limits";
import { Elysia } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { jsonBody } from "../http/json-body.ts";
import type { Ports } from "../ports.ts";
import { completeLease, failLease } from "../use-cases/end-lease.ts";
import { extendLease } from "../use-cases/extend-lease.ts";
import { CompleteWish, EndAnswer, FailWish, ProgressAnswer, ProgressWish } from "./worker-schemas.ts";

const tag = "Workers";
const faults = [
  "BAD_JSON",
  "BODY_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "VALIDATION_FAILED",
  "LEASE_LOST",
] as const;
/** The largest result, and what stands around it. */
const COMPLETE_BYTES_MAX = RESULT_BYTES_MAX + 8 * 1024;

/** What workers over HTTP say about the tasks that they have leased. */
export function taskLeases(ports: Ports) {
  return new Elysia({ name: "task-leases" })
    .use(guarded)
    .use(ends(ports))
    .post(
      "/:task_id/progress",
      async ({ identity, params, body }) =>
        await extendLease(ports, identity, {
          ...{ taskId: params.task_id, token: body.lease_token },
          ...{ progress: body.progress, note: body.note },
        }),
      {
        scope: "workers",
        ...jsonBody(ProgressWish, AUTH_BODY_BYTES_MAX),
        detail: documented({
          summary: "Extend a lease, and say how far the task is",
          description:
            "Up to the task's own time-out at most. `cancelled`: stop, nobody wants the result any more.",
          tag,
          answers: { 200: { description: "Extended, or cancelled.", schema: ProgressAnswer } },
          faults,
        }),
      },
    );
}

function ends(ports: Ports) {
  return new Elysia({ name: "task-lease-ends" })
    .use(guarded)
    .post(
      "/:task_id/complete",
      async ({ identity, params, body }) =>
        await completeLease(ports, identity, {
          ...{ taskId: params.task_id, token: body.lease_token },
          result: (body.result ?? null) as Json, // It came out of JSON.parse.
        }),
      {
        scope: "workers",
        ...jsonBody(CompleteWish, COMPLETE_BYTES_MAX),
        detail: documented({
          summary: "Say that a leased task is done",
          description: `The result may have ${RESULT_BYTES_MAX} bytes. Saying it again gets the same answer.`,
          tag,
          answers: { 200: { description: "Written down, once.", schema: EndAnswer } },
          faults,
        }),
      },
    )
    .post(
      "/:task_id/fail",
      async ({ identity, params, body }) => {
        const { error, retryable, retry_after: retryAfterS } = body;
        const { code = "WORKER_ERROR", message } = typeof error === "string" ? { message: error } : error;
        return await failLease(ports, identity, {
          ...{ taskId: params.task_id, token: body.lease_token },
          failure: {
            error: { code, message },
            isRetryable: retryable ?? true,
            ...(retryAfterS !== undefined && { retryAfterMs: retryAfterS * 1000 }),
          },
        });
      },
      {
        scope: "workers",
        ...jsonBody(FailWish, AUTH_BODY_BYTES_MAX),
        detail: documented({
          summary: "Say that a leased task failed",
          description:
            "It is tried again by its own policy; without `retryable`, or after its last attempt, it is dead.",
          tag,
          answers: { 200: { description: "Written down, once.", schema: EndAnswer } },
          faults,
        }),
      },
    );
}
