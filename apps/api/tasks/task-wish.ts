import { ASKED_LANES } from "@millrace/core";
import {
  ATTEMPTS_MAX,
  BACKOFF_FACTOR_MAX,
  BACKOFF_FACTOR_MIN,
  BACKOFF_MS_MAX,
  BACKOFF_MS_MIN,
  DEBOUNCE_S_MAX,
  DEBOUNCE_S_MIN,
  DEBOUNCE_WAIT_S_MAX,
  DEBOUNCE_WAITS_DEFAULT,
  DEDUP_KEY_CHARS_MAX,
  DEDUP_WINDOW_S_MAX,
  DEDUP_WINDOW_S_MIN,
  DELAY_S_MAX,
  DEPENDENCIES_MAX,
  PRIORITY_MAX,
  PRIORITY_MIN,
  TASK_ID_CHARS_MAX,
  TASK_TYPE_CHARS_MAX,
  TENANT_CHARS_MAX,
  TIMEOUT_S_MAX,
  TIMEOUT_S_MIN,
} from "@millrace/core/limits";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type Static, t } from "elysia";
import { choice, strict } from "../http/schema.ts";

const milliseconds = (description: string) =>
  Type.Integer({ minimum: BACKOFF_MS_MIN, maximum: BACKOFF_MS_MAX, description });

const Backoff = strict({
  initial_ms: t.Optional(milliseconds("Upper bound of the first delay.")),
  factor: t.Optional(Type.Number({ minimum: BACKOFF_FACTOR_MIN, maximum: BACKOFF_FACTOR_MAX })),
  max_ms: t.Optional(milliseconds("The bound grows no further than this.")),
  jitter: t.Optional(t.Boolean({ description: "False: each delay is its bound, and can be foretold." })),
});

const key = () =>
  t.String({
    minLength: 1,
    maxLength: DEDUP_KEY_CHARS_MAX,
    pattern: "^[!-~]([ -~]*[!-~])?$",
    error: `must be 1 to ${DEDUP_KEY_CHARS_MAX} printable ASCII characters, with no space around them`,
    description: "Yours to choose. Another user's, and another task type's, is another key.",
  });

const Dedup = strict(
  {
    key: key(),
    window_seconds: t.Optional(
      Type.Integer({
        minimum: DEDUP_WINDOW_S_MIN,
        maximum: DEDUP_WINDOW_S_MAX,
        description:
          "Seconds from when the first one was stored, finished or not. When absent: until it is finished.",
      }),
    ),
  },
  {
    description:
      "While another of your tasks holds the key there is no second one: the answer is 200 with that task, and this one leaves no trace. A task that failed for good or was cancelled does not hold its key any more.",
  },
);

const Debounce = strict(
  {
    key: key(),
    seconds: Type.Number({
      minimum: DEBOUNCE_S_MIN,
      maximum: DEBOUNCE_S_MAX,
      description: "It starts when no other submission with the key came for so long.",
    }),
    max_wait_seconds: t.Optional(
      Type.Number({
        minimum: DEBOUNCE_S_MIN,
        maximum: DEBOUNCE_WAIT_S_MAX,
        description: `It starts no later than this after the first submission, which alone sets it; ${DEBOUNCE_WAITS_DEFAULT} times \`seconds\` when absent.`,
      }),
    ),
  },
  {
    description:
      "Until the task starts, a further submission with the key replaces its payload and puts its start off; the answer is 200 with that task, whose other fields stay. Not together with dedup, run_at, delay, ttl or dependencies.",
  },
);

/** What a client sends to have a task done. The rules that a schema cannot say are in `read-task.ts`. */
export const TaskWish = strict({
  task_id: t.Optional(
    t.String({
      minLength: 1,
      maxLength: TASK_ID_CHARS_MAX,
      pattern: "^[A-Za-z0-9][A-Za-z0-9_.:-]*$",
      error: `must be 1 to ${TASK_ID_CHARS_MAX} letters, digits and _.:- that start with a letter or digit`,
      description: "Made (UUIDv7) when absent. Sending the same task twice does it once.",
    }),
  ),
  task_type: t.String({
    minLength: 1,
    maxLength: TASK_TYPE_CHARS_MAX,
    pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*(\\.[A-Za-z0-9][A-Za-z0-9_-]*)*$",
    error: `must be words of letters, digits and _- joined by dots, ${TASK_TYPE_CHARS_MAX} characters at most`,
  }),
  payload: t.Optional(t.Unknown({ description: "Any JSON; {} when absent." })),
  priority: t.Optional(
    Type.Integer({
      minimum: PRIORITY_MIN,
      maximum: PRIORITY_MAX,
      description: "10 is the most urgent; 5 when absent.",
    }),
  ),
  dependencies: t.Optional(
    t.Array(
      t.String({
        minLength: 1,
        maxLength: TASK_ID_CHARS_MAX,
        pattern: "^[A-Za-z0-9][A-Za-z0-9_.:-]*$",
        error: "must be the id of a task",
      }),
      {
        maxItems: DEPENDENCIES_MAX,
        description:
          "Ids of your tasks, or of tasks in the same batch, that must complete first. Their results replace `{{tasks.<id>.result.path}}` in the payload.",
      },
    ),
  ),
  on_parent_failure: t.Optional(
    choice(["fail", "run"], {
      description:
        "What becomes of it when a task that it depends on fails or is cancelled: it fails with DEPENDENCY_FAILED (when absent), or runs all the same, and finds null in the place of that result.",
    }),
  ),
  timeout: t.Optional(
    Type.Number({
      minimum: TIMEOUT_S_MIN,
      maximum: TIMEOUT_S_MAX,
      description: "Seconds that one attempt may take.",
    }),
  ),
  lane: t.Optional(choice(ASKED_LANES, { description: "By task type and time-out when absent." })),
  max_attempts: t.Optional(Type.Integer({ minimum: 1, maximum: ATTEMPTS_MAX })),
  backoff: t.Optional(Backoff),
  run_at: t.Optional(t.String({ description: "RFC 3339. Not together with delay." })),
  delay: t.Optional(
    Type.Number({ minimum: 0, maximum: DELAY_S_MAX, description: "Seconds. Not together with run_at." }),
  ),
  ttl: t.Optional(
    Type.Integer({
      minimum: 1,
      maximum: DELAY_S_MAX,
      description:
        "Seconds from when it is due: not started by then, it fails with EXPIRED. Not together with dependencies.",
    }),
  ),
  dedup: t.Optional(Dedup),
  debounce: t.Optional(Debounce),
  tenant: t.Optional(
    t.String({
      maxLength: TENANT_CHARS_MAX,
      pattern: "^[A-Za-z0-9][A-Za-z0-9_.:-]*$",
      error: `must be 1 to ${TENANT_CHARS_MAX} letters, digits and _.:- that start with a letter or digit`,
      description:
        "On whose behalf it runs. Tenants that wait at the same lane and priority start their tasks in turn, so that nobody's long queue holds up the others; tasks without a tenant take one turn together. Limits can be set for a tenant.",
    }),
  ),
});

export type TaskWish = Static<typeof TaskWish>;

/** Checks what did not come through a route's own schema: the items of a batch. */
export const compiledTaskWish = TypeCompiler.Compile(TaskWish);
