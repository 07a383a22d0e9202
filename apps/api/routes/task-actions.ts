import { GRAPH_NODES_MAX } from "@millrace/core/limits";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { viewTask } from "../tasks/view-task.ts";
import { cancelGraph, retryGraph, type Scope } from "../use-cases/act-on-graph.ts";
import { cancelTask } from "../use-cases/cancel-task.ts";
import { retryTask } from "../use-cases/retry-task.ts";
import { GraphActionAnswer, TaskAnswer } from "./task-schemas.ts";

const tag = "Tasks";
const outcome = (description: string) => ({
  200: { description, schema: t.Union([TaskAnswer, GraphActionAnswer]) },
});

const yesOrNo = (description: string) => t.Optional(choice(["true", "false"], { description }));
const ScopeQuery = strict({
  subtree: yesOrNo("True: with everything that depends on it."),
  graph: yesOrNo("True: with everything that is connected with it."),
});

function scopeOf(query: { readonly subtree?: string; readonly graph?: string }): Scope | null {
  if (query.graph === "true") return "graph";
  return query.subtree === "true" ? "subtree" : null;
}

export function taskActions(ports: Ports) {
  return new Elysia({ name: "task-actions" })
    .use(guarded)
    .post(
      "/:task_id/cancel",
      async ({ identity, params: { task_id: taskId }, query }) => {
        const scope = scopeOf(query);
        if (scope !== null) return await cancelGraph(ports, identity, { taskId, scope });
        return viewTask(await cancelTask(ports, identity, taskId), ports.live);
      },
      {
        scope: "tasks:write",
        parse: "none",
        query: ScopeQuery,
        detail: documented({
          summary: "Cancel a task, a subtree or a graph",
          description: `Also while it runs: the attempt is stopped, and whatever it still says is refused. What depends on it fails with DEPENDENCY_FAILED, unless it is cancelled with it: \`subtree\` or \`graph\` cancel up to ${GRAPH_NODES_MAX} tasks, and answer how many.`,
          tag,
          answers: outcome("Cancelled: the task, or how many."),
          faults: ["NOT_FOUND", "TASK_STATE_CONFLICT", "VALIDATION_FAILED"],
        }),
      },
    )
    .post(
      "/:task_id/retry",
      async ({ identity, params: { task_id: taskId }, query }) => {
        const scope = scopeOf(query);
        if (scope !== null) return await retryGraph(ports, identity, { taskId, scope });
        return viewTask(await retryTask(ports, identity, taskId), ports.live);
      },
      {
        scope: "tasks:write",
        parse: "none",
        query: ScopeQuery,
        detail: documented({
          summary: "Retry a failed or cancelled task, a subtree or a graph",
          description: `With the same policy and a fresh count of failures. What failed because of it stays failed, unless it is brought back with it: \`subtree\` or \`graph\` bring up to ${GRAPH_NODES_MAX} failed and cancelled tasks back, each waiting for its parents again, and answer how many.`,
          tag,
          answers: outcome("Queued again: the task, or how many."),
          faults: ["NOT_FOUND", "TASK_STATE_CONFLICT", "VALIDATION_FAILED"],
        }),
      },
    );
}
