import {
  ERROR_CODE_CHARS_MAX,
  ERROR_MESSAGE_CHARS_MAX,
  LEASE_TASKS_MAX,
  LEASE_WAIT_S_MAX,
  PROGRESS_NOTE_CHARS_MAX,
  RETRY_AFTER_MS_MAX,
  TASK_ID_CHARS_MAX,
  WORKER_CAPABILITIES_MAX,
  WORKER_HEARTBEAT_S_MAX,
  WORKER_HEARTBEAT_S_MIN,
  WORKER_ID_CHARS_MAX,
  WORKER_INSTANCE_CHARS_MAX,
  WORKER_SLOTS_MAX,
} from "@millrace/core/limits";
import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { choice, strict } from "../http/schema.ts";
import { TaskWish } from "../tasks/task-wish.ts";

const Capability = TaskWish.properties.task_type;
const WorkerId = t.String({
  minLength: 1,
  maxLength: WORKER_ID_CHARS_MAX,
  pattern: "^[A-Za-z0-9][A-Za-z0-9_.:@-]*$",
  error: `must be 1 to ${WORKER_ID_CHARS_MAX} letters, digits and _.:@- that start with a letter or digit`,
});
const Session = t.Optional(
  t.String({
    maxLength: 2 * WORKER_ID_CHARS_MAX,
    description: "As the registration told it: then a process whose id was taken over is told so.",
  }),
);
const Token = t.String({ minLength: 1, maxLength: 4_096 });

export const WorkerParams = strict({ worker_id: WorkerId });

export const WorkerWish = strict({
  worker_id: WorkerId,
  capabilities: t.Array(Capability, {
    minItems: 1,
    maxItems: WORKER_CAPABILITIES_MAX,
    uniqueItems: true,
    description: "The task types that it runs.",
    error: `must be 1 to ${WORKER_CAPABILITIES_MAX} task types, each once`,
  }),
  max_concurrent_tasks: Type.Integer({ minimum: 1, maximum: WORKER_SLOTS_MAX }),
  heartbeat_interval: t.Optional(
    Type.Integer({
      minimum: WORKER_HEARTBEAT_S_MIN,
      maximum: WORKER_HEARTBEAT_S_MAX,
      description:
        "Seconds between its heartbeats; three that do not come mean its death. HEARTBEAT_INTERVAL when absent.",
    }),
  ),
  instance: t.Optional(
    t.String({
      minLength: 1,
      maxLength: WORKER_INSTANCE_CHARS_MAX,
      description:
        "What this process calls itself. The same again is the same life of the worker; any other one, or none, begins another, and what the former one had leased is taken back.",
    }),
  ),
});

/** Shares 0 … 1; null or absent: not known. */
const Usage = t.Optional(t.Nullable(Type.Number({ minimum: 0, maximum: 1, description: "A share, 0 … 1." })));
const SystemInfo = strict({ cpu_usage: Usage, memory_usage: Usage, disk_usage: Usage });

export const HeartbeatWish = strict({
  status: t.Optional(choice(["active", "draining"])),
  current_tasks: t.Optional(
    t.Array(t.String({ maxLength: TASK_ID_CHARS_MAX }), { maxItems: WORKER_SLOTS_MAX }),
  ),
  system_info: t.Optional(SystemInfo),
  session: Session,
});

export const LeaseWish = strict({
  max_tasks: t.Optional(
    Type.Integer({ minimum: 1, maximum: LEASE_TASKS_MAX, description: "1 when absent." }),
  ),
  wait_seconds: t.Optional(
    Type.Number({
      minimum: 0,
      maximum: LEASE_WAIT_S_MAX,
      description: "How long to wait for the first one; 0 when absent.",
    }),
  ),
  session: Session,
});

export const CompleteWish = strict({
  lease_token: Token,
  result: t.Optional(t.Unknown({ description: "Any JSON; null when absent." })),
});

export const FailWish = strict({
  lease_token: Token,
  error: t.Union(
    [
      t.String({ maxLength: ERROR_MESSAGE_CHARS_MAX }),
      strict({
        code: t.Optional(t.String({ minLength: 1, maxLength: ERROR_CODE_CHARS_MAX })),
        message: t.String({ maxLength: ERROR_MESSAGE_CHARS_MAX }),
      }),
    ],
    { error: "must be a text, or an object of code and message" },
  ),
  retryable: t.Optional(
    t.Boolean({ description: "False: no further attempt can succeed. True when absent." }),
  ),
  retry_after: t.Optional(
    Type.Number({
      minimum: 0,
      maximum: RETRY_AFTER_MS_MAX / 1000,
      description: "Seconds, in place of the back-off.",
    }),
  ),
});

export const ProgressWish = strict({
  lease_token: Token,
  progress: t.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  note: t.Optional(t.String({ maxLength: PROGRESS_NOTE_CHARS_MAX })),
});

const time = t.String({ format: "date-time" });
const share = t.Nullable(t.Number());

export const WorkerAnswer = strict({
  worker_id: t.String(),
  kind: choice(["embedded", "http"]),
  status: choice(["active", "draining", "unhealthy", "dead"]),
  capabilities: t.Array(t.String()),
  max_concurrent_tasks: t.Integer(),
  running: t.Integer({ description: "Tasks that it runs, by its last heartbeat." }),
  current_tasks: t.Array(t.String(), { description: "Their ids; empty for whoever may not see them." }),
  started_at: time,
  last_heartbeat_at: time,
  heartbeat_interval: t.Number({ description: "Seconds." }),
  system_info: strict({ cpu_usage: share, memory_usage: share, disk_usage: share }),
});

export const WorkerList = strict({ items: t.Array(WorkerAnswer) });

export const RegistrationAnswer = strict({
  worker_id: t.String(),
  session: t.String({
    description: "This life of the worker. To be sent with heartbeats and leases, for those who care.",
  }),
  status: choice(["active", "draining"]),
  capabilities: t.Array(t.String()),
  max_concurrent_tasks: t.Integer(),
  heartbeat_interval: t.Integer({ description: "Seconds within which it is to beat." }),
  lease_seconds: t.Integer({ description: "How long a lease holds that is not extended." }),
  serves: choice(["all", "own"], { description: "Whose tasks it is given: everybody's, or its owner's." }),
  registered_at: time,
});

export const HeartbeatAnswer = strict({
  worker_id: t.String(),
  status: choice(["active", "draining"]),
  drain: t.Boolean({ description: "It is given nothing new: finish, and leave." }),
  cancelled: t.Array(t.String(), { description: "Tasks that were cancelled while it ran them: stop." }),
  heartbeat_interval: t.Integer(),
});

export const LeaseAnswer = strict({
  tasks: t.Array(
    strict({
      task_id: t.String(),
      task_type: t.String(),
      payload: t.Unknown(),
      attempt: t.Integer(),
      max_attempts: t.Integer(),
      priority: t.Integer(),
      timeout: t.Number({ description: "Seconds; the lease cannot be extended beyond." }),
      correlation_id: t.String(),
      traceparent: t.Optional(
        t.String({
          description: "W3C trace context, of tasks that are traced: for what the worker does and calls.",
        }),
      ),
      tracestate: t.Optional(t.String()),
      lease_token: t.String(),
      lease_expires_at: time,
    }),
  ),
  cancelled: t.Array(t.String()),
  drain: t.Boolean(),
});

export const EndAnswer = strict({
  task_id: t.String(),
  attempt: t.Integer(),
  outcome: choice(["completed", "failed", "dead"], { description: "`failed`: it is tried again." }),
  retry_at: t.Nullable(time),
});

export const ProgressAnswer = strict({
  task_id: t.String(),
  cancelled: t.Boolean(),
  lease_expires_at: t.Nullable(time),
});
