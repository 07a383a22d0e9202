import { LANES } from "@millrace/core";
import { t } from "elysia";
import { choice, strict } from "../http/schema.ts";

export const STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;
export const PHASES = [
  "waiting",
  "scheduled",
  "queued",
  "running",
  "retry_wait",
  "parked",
  "done",
  "dead",
  "cancelled",
] as const;

const time = () => t.String({ format: "date-time" });
const maybeTime = () => t.Nullable(time());
const TaskFailure = strict({ code: t.String(), message: t.String() });

export const TaskAnswer = strict({
  task_id: t.String(),
  task_type: t.String(),
  status: choice(STATUSES),
  phase: choice(PHASES),
  payload: t.Unknown(),
  priority: t.Integer(),
  lane: choice(LANES),
  dependencies: t.Array(t.String()),
  on_parent_failure: choice(["fail", "run"]),
  timeout: t.Integer({ description: "Seconds." }),
  worker_id: t.Nullable(t.String()),
  attempts: t.Integer(),
  max_attempts: t.Integer(),
  backoff: t.Unknown(),
  tenant: t.Nullable(t.String()),
  dedup: t.Nullable(strict({ key: t.String(), window_seconds: t.Nullable(t.Integer()) })),
  debounce: t.Nullable(strict({ key: t.String(), seconds: t.Number(), max_wait_seconds: t.Number() })),
  deduplicated: t.Optional(
    t.Literal(true, {
      description: "In the answer to a submission: another task held its key; this is that one.",
    }),
  ),
  expires_at: t.Nullable(t.String({ format: "date-time", description: "Not started by then, it fails." })),
  progress: t.Nullable(t.Number({ minimum: 0, maximum: 1 })),
  created_at: time(),
  run_at: maybeTime(),
  started_at: maybeTime(),
  completed_at: maybeTime(),
  next_attempt_at: maybeTime(),
  result: t.Unknown(),
  error: t.Nullable(TaskFailure),
  correlation_id: t.String(),
});

export const GraphAnswer = strict({
  nodes: t.Array(
    strict({
      task_id: t.String(),
      task_type: t.String(),
      status: choice(STATUSES),
      phase: choice(PHASES),
      attempts: t.Integer(),
      max_attempts: t.Integer(),
      waiting_for: t.Integer({ description: "Parents that have not ended yet." }),
      on_parent_failure: choice(["fail", "run"]),
      error_code: t.Nullable(t.String()),
    }),
  ),
  edges: t.Array(strict({ from: t.String(), to: t.String({ description: "Depends on `from`." }) })),
  truncated: t.Boolean({ description: "True: there are more, further off." }),
});

export const GraphActionAnswer = strict({
  task_id: t.String(),
  scope: choice(["subtree", "graph"]),
  nodes: t.Integer({ description: "Tasks that were looked at." }),
  changed: t.Integer({ description: "Tasks that were cancelled, or brought back." }),
  truncated: t.Boolean({ description: "True: the graph has more tasks than one call takes." }),
});

export const TaskList = strict({
  items: t.Array(TaskAnswer),
  total: t.Integer({ description: "Counted up to 10 000." }),
  total_capped: t.Boolean({ description: "True: there are more than `total`." }),
  limit: t.Integer(),
  offset: t.Integer(),
  next_cursor: t.Nullable(t.String()),
});

export const AttemptList = strict({
  items: t.Array(
    strict({
      attempt: t.Integer(),
      status: choice(["running", "completed", "failed", "dead", "cancelled", "lost", "returned"]),
      worker_id: t.Nullable(t.String()),
      started_at: maybeTime(),
      ended_at: maybeTime(),
      retry_at: maybeTime(),
      result: t.Unknown(),
      error: t.Nullable(TaskFailure),
      log: t.Nullable(
        t.String({
          description: "The end of what it wrote, when it ran alone in quarantine; null otherwise.",
        }),
      ),
    }),
  ),
});

export const BatchAnswer = strict({
  accepted: t.Integer(),
  existing: t.Integer(),
  rejected: t.Integer(),
  items: t.Array(
    strict({
      index: t.Integer(),
      status: t.Integer({ description: "As if the task had been sent alone." }),
      task_id: t.Nullable(t.String()),
      deduplicated: t.Optional(
        t.Literal(true, { description: "Another task held its key; `task_id` is that task's." }),
      ),
      problem: t.Optional(t.Unknown()),
    }),
  ),
});
