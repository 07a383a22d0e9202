import { Elysia } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import type { Ports } from "../ports.ts";
import { viewTask } from "../tasks/view-task.ts";
import { cancelTask } from "../use-cases/cancel-task.ts";
import { retryTask } from "../use-cases/retry-task.ts";
import { TaskAnswer } from "./task-schemas.ts";

const tag = "Tasks";
const aTask = (description: string) => ({ description, schema: TaskAnswer });

export function taskActions(ports: Ports) {
  return new Elysia({ name: "task-actions" })
    .use(guarded)
    .post(
      "/:task_id/cancel",
      async ({ identity, params }) => viewTask(await cancelTask(ports, identity, params.task_id), ports.live),
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
      async ({ identity, params }) => viewTask(await retryTask(ports, identity, params.task_id), ports.live),
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
