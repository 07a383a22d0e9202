import {
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
import { cursorAfter, readCursor } from "../http/cursor.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { viewAttempt, viewTask } from "../tasks/view-task.ts";
import { findTaskFor } from "../use-cases/show-task.ts";
import { streamTask } from "../use-cases/stream-task.ts";
import { AttemptList, STATUSES, TaskAnswer, TaskList } from "./task-schemas.ts";

const tag = "Tasks";

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

export function taskLists(ports: Ports) {
  return new Elysia({ name: "task-lists" }).use(guarded).get(
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
      const items = tasks.map((task) => viewTask(task, ports.live));
      return { items, total, total_capped: isCapped, limit, offset, next_cursor };
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
  );
}

export function taskViews(ports: Ports) {
  return new Elysia({ name: "task-views" })
    .use(guarded)
    .get(
      "/:task_id",
      async ({ identity, params }) =>
        viewTask(await findTaskFor(ports, identity, params.task_id), ports.live),
      {
        scope: "tasks:read",
        detail: documented({
          summary: "Show a task",
          tag,
          answers: { 200: { description: "The task.", schema: TaskAnswer } },
          faults: ["NOT_FOUND"],
        }),
      },
    )
    .get(
      "/:task_id/stream",
      async ({ identity, params, request }) => {
        const response = await streamTask(ports, identity, params.task_id);
        ports.keepOpen(request);
        return response;
      },
      {
        scope: "tasks:read",
        detail: documented({
          summary: "Follow a task",
          description:
            "Server-sent events: `task` at first and at each change, `progress` in between; the stream ends with the task.",
          tag,
          answers: { 200: { description: "text/event-stream" } },
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
