import { GRAPH_NODES_MAX } from "@millrace/core/limits";
import { Elysia } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import type { Ports } from "../ports.ts";
import { showGraph } from "../use-cases/show-graph.ts";
import { GraphAnswer } from "./task-schemas.ts";

export function taskGraph(ports: Ports) {
  return new Elysia({ name: "task-graph" })
    .use(guarded)
    .get("/:task_id/graph", async ({ identity, params }) => showGraph(ports, identity, params.task_id), {
      scope: "tasks:read",
      detail: documented({
        summary: "Show the graph of a task",
        description: `Everything that is connected with it by dependencies, and where each task stands; up to ${GRAPH_NODES_MAX} tasks, the nearest ones.`,
        tag: "Tasks",
        answers: { 200: { description: "Tasks and dependencies.", schema: GraphAnswer } },
        faults: ["NOT_FOUND"],
      }),
    });
}
