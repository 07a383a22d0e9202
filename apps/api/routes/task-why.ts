import { WHY_REASONS } from "@millrace/core";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { explainTask } from "../use-cases/explain-task.ts";
import { PHASES, STATUSES } from "./task-schemas.ts";

const WhyAnswer = strict({
  task_id: t.String(),
  status: choice(STATUSES),
  phase: choice(PHASES),
  reason: choice(WHY_REASONS),
  summary: t.String({ description: "One sentence for people." }),
  details: t.Record(t.String(), t.Unknown(), {
    description:
      "By the reason: parents, position, the tenant's turn, limit, breaker with its next probe, pause, times, worker, error.",
  }),
  checked_at: t.String({ format: "date-time" }),
});

export function taskWhy(ports: Ports) {
  return new Elysia({ name: "task-why" })
    .use(guarded)
    .get("/:task_id/why", async ({ identity, params }) => explainTask(ports, identity, params.task_id), {
      scope: "tasks:read",
      detail: documented({
        summary: "Ask what a task waits for",
        description: "One reason, in every state: what holds it back now, where it runs, or how it ended.",
        tag: "Tasks",
        answers: { 200: { description: "The reason.", schema: WhyAnswer } },
        faults: ["NOT_FOUND"],
      }),
    });
}
