import { BATCH_TASKS_MAX } from "@millrace/core/limits";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { type BatchBody, readBatch } from "../http/batch-body.ts";
import { jsonBody } from "../http/json-body.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { TaskWish } from "../tasks/task-wish.ts";
import { submitBatch } from "../use-cases/submit-batch.ts";
import { submitTask } from "../use-cases/submit-task.ts";
import { taskActions } from "./task-actions.ts";
import { taskGraph } from "./task-graph.ts";
import { taskLeases } from "./task-leases.ts";
import { BatchAnswer, TaskAnswer } from "./task-schemas.ts";
import { taskLists, taskViews } from "./task-views.ts";
import { taskWhy } from "./task-why.ts";

const tag = "Tasks";
const BODY_FAULTS = [
  "BAD_JSON",
  "BODY_TOO_LARGE",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "VALIDATION_FAILED",
] as const;
const aTask = (description: string) => ({ description, schema: TaskAnswer });

export function taskRoutes(ports: Ports) {
  return new Elysia({ name: "tasks", prefix: "/api/tasks" })
    .use(guarded)
    .use(submissions(ports))
    .use(taskLists(ports))
    .use(taskViews(ports))
    .use(taskGraph(ports))
    .use(taskWhy(ports))
    .use(taskActions(ports))
    .use(taskLeases(ports));
}

/** A body that came in chunks has no declared length: then it is measured. */
function bytesOf(request: Request, body: TaskWish): number {
  const declared = request.headers.get("content-length");
  return declared === null ? Buffer.byteLength(JSON.stringify(body)) : Number(declared);
}

function submissions(ports: Ports) {
  return new Elysia({ name: "task-submissions" })
    .use(guarded)
    .post(
      "",
      async ({ identity, correlationId, span, body, request, set }) => {
        const requestBytes = bytesOf(request, body);
        const { isNew, task } = await submitTask(ports, identity, {
          wish: body,
          requestBytes,
          correlationId,
          span,
        });
        set.status = isNew ? 201 : 200;
        return task;
      },
      {
        scope: "tasks:write",
        ...jsonBody(TaskWish),
        detail: documented({
          summary: "Submit a task",
          description:
            "It is committed before the answer. The same task sent again is answered with 200 and done once. So is one whose `dedup` or `debounce` key another task holds: the answer is that task, with `deduplicated: true`.",
          tag,
          answers: {
            201: aTask("Stored."),
            200: aTask("It was there already, or another one holds its key."),
          },
          faults: [...BODY_FAULTS, "TASK_ID_CONFLICT"],
        }),
      },
    )
    .post(
      "/batch",
      async ({ identity, correlationId, span, body, query }) => {
        const isAtomic = query.atomic === "true";
        const { items, bytes: requestBytes }: BatchBody = body;
        const submission = { items, isAtomic, requestBytes, correlationId, span };
        const verdicts = await submitBatch(ports, identity, submission);
        const count = (status: number) => verdicts.filter((verdict) => verdict.status === status).length;
        const [accepted, existing] = [count(201), count(200)];
        return { accepted, existing, rejected: verdicts.length - accepted - existing, items: verdicts };
      },
      {
        scope: "tasks:write",
        parse: readBatch,
        body: t.Any({ description: "An array of tasks, or one task per line." }),
        query: strict({ atomic: t.Optional(choice(["true", "false"], { description: "All or none." })) }),
        detail: documented({
          summary: "Submit many tasks",
          description: `A JSON array or NDJSON of up to ${BATCH_TASKS_MAX} tasks; each gets a verdict of its own.`,
          tag,
          answers: { 200: { description: "What became of each.", schema: BatchAnswer } },
          faults: [...BODY_FAULTS, "TASK_ID_CONFLICT"],
        }),
      },
    );
}
