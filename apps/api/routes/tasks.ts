import {
  BATCH_TASKS_MAX,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  LIST_OFFSET_MAX,
  PRIORITY_MAX,
  PRIORITY_MIN,
} from "@millrace/core/limits";
import { countTasks, listAttempts, listTasks, orStoreFault } from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded, sightOf } from "../http/access.ts";
import { type BatchBody, readBatch } from "../http/batch-body.ts";
import { cursorAfter, readCursor } from "../http/cursor.ts";
import { jsonBody } from "../http/json-body.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { TaskWish } from "../tasks/task-wish.ts";
import { viewAttempt, viewTask } from "../tasks/view-task.ts";
import { cancelTask } from "../use-cases/cancel-task.ts";
import { retryTask } from "../use-cases/retry-task.ts";
import { findTaskFor } from "../use-cases/show-task.ts";
import { submitBatch } from "../use-cases/submit-batch.ts";
import { submitTask } from "../use-cases/submit-task.ts";
import { AttemptList, BatchAnswer, STATUSES, TaskAnswer, TaskList } from "./task-schemas.ts";

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
    .use(lists(ports))
    .use(actions(ports));
}

function submissions(ports: Ports) {
  return new Elysia({ name: "task-submissions" })
    .use(guarded)
    .post(
      "",
      async ({ identity, correlationId, body, request, set }) => {
        const requestBytes = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
        const { isNew, task } = await submitTask(ports, identity, {
          wish: body,
          requestBytes,
          correlationId,
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
            "It is committed before the answer. The same task sent again is answered with 200 and done once.",
          tag,
          answers: { 201: aTask("Stored."), 200: aTask("It was there already.") },
          faults: [...BODY_FAULTS, "TASK_ID_CONFLICT"],
        }),
      },
    )
    .post(
      "/batch",
      async ({ identity, correlationId, body, query }) => {
        const isAtomic = query.atomic === "true";
        const { items, bytes: requestBytes }: BatchBody = body;
        const verdicts = await submitBatch(ports, identity, { items, isAtomic, requestBytes, correlationId });
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

const ListQuery = strict({
  status: t.Optional(choice(STATUSES)),
  task_type: t.Optional(t.String({ maxLength: 64 })),
  priority: t.Optional(t.Integer({ minimum: PRIORITY_MIN, maximum: PRIORITY_MAX })),
  limit: t.Optional(
    t.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, description: `${LIST_LIMIT_DEFAULT} when absent.` }),
  ),
  offset: t.Optional(
    t.Integer({ minimum: 0, maximum: LIST_OFFSET_MAX, description: "Further on, use the cursor." }),
  ),
  cursor: t.Optional(t.String({ description: "`next_cursor` of the page before." })),
});

function lists(ports: Ports) {
  return new Elysia({ name: "task-lists" })
    .use(guarded)
    .get(
      "",
      async ({ identity, query }) => {
        const { status, task_type: taskType, priority, limit = LIST_LIMIT_DEFAULT, offset = 0 } = query;
        const filter = { ownerId: sightOf(identity), status, taskType, priority };
        const before = readCursor(query.cursor);
        const [tasks, { total, isCapped }] = await orStoreFault(
          Promise.all([
            listTasks(ports.sql, { ...filter, limit, offset, before }),
            countTasks(ports.sql, filter),
          ]),
        );
        const last = tasks.length === limit ? tasks.at(-1) : undefined;
        const next_cursor = last === undefined ? null : cursorAfter(last.seq);
        return { items: tasks.map(viewTask), total, total_capped: isCapped, limit, offset, next_cursor };
      },
      {
        scope: "tasks:read",
        query: ListQuery,
        detail: documented({
          summary: "List tasks",
          description: "Newest first; your own, or everybody's for operators.",
          tag,
          answers: { 200: { description: "A page.", schema: TaskList } },
          faults: ["VALIDATION_FAILED"],
        }),
      },
    )
    .get(
      "/:task_id",
      async ({ identity, params }) => viewTask(await findTaskFor(ports, identity, params.task_id)),
      {
        scope: "tasks:read",
        detail: documented({
          summary: "Show a task",
          tag,
          answers: { 200: aTask("The task.") },
          faults: ["NOT_FOUND"],
        }),
      },
    )
    .get(
      "/:task_id/attempts",
      async ({ identity, params }) => {
        const { seq } = await findTaskFor(ports, identity, params.task_id);
        const attempts = await orStoreFault(listAttempts(ports.sql, seq));
        return { items: attempts.map(viewAttempt) };
      },
      {
        scope: "tasks:read",
        detail: documented({
          summary: "List the attempts of a task",
          tag,
          answers: { 200: { description: "First to last.", schema: AttemptList } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

function actions(ports: Ports) {
  return new Elysia({ name: "task-actions" })
    .use(guarded)
    .post(
      "/:task_id/cancel",
      async ({ identity, params }) => viewTask(await cancelTask(ports, identity, params.task_id)),
      {
        scope: "tasks:write",
        parse: "none",
        detail: documented({
          summary: "Cancel a task",
          description: "Also while it runs: the attempt is stopped, and whatever it still says is refused.",
          tag,
          answers: { 200: aTask("Cancelled.") },
          faults: ["NOT_FOUND", "TASK_STATE_CONFLICT"],
        }),
      },
    )
    .post(
      "/:task_id/retry",
      async ({ identity, params }) => viewTask(await retryTask(ports, identity, params.task_id)),
      {
        scope: "tasks:write",
        parse: "none",
        detail: documented({
          summary: "Retry a failed or cancelled task",
          description: "With the same policy and a fresh count of failures.",
          tag,
          answers: { 200: aTask("Queued again.") },
          faults: ["NOT_FOUND", "TASK_STATE_CONFLICT"],
        }),
      },
    );
}
