import { Fault, type Identity, type Json } from "@millrace/core";
import {
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  LIST_TOTAL_MAX,
  REDRIVE_PER_SECOND_DEFAULT,
  REDRIVE_PER_SECOND_MAX,
  REDRIVE_TASKS_MAX,
} from "@millrace/core/limits";
import {
  countDeadLetters,
  type DeadLetterRow,
  discardDeadLetter,
  listAttempts,
  listDeadLetters,
  orStoreFault,
} from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded, requireSight, sightOf } from "../http/access.ts";
import { cursorAfter, readCursor } from "../http/cursor.ts";
import { isoTime } from "../http/iso-time.ts";
import { jsonBody } from "../http/json-body.ts";
import { strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { viewAttempt } from "../tasks/view-task.ts";
import { type Redrive, redriveDeadLetters } from "../use-cases/redrive-dead-letters.ts";
import { AttemptList } from "./task-schemas.ts";

const tag = "Dead letters";

const LETTER_FIELDS = {
  task_id: t.String(),
  task_type: t.String(),
  lane: t.String(),
  payload: t.Unknown(),
  attempts: t.Integer(),
  error: strict({ code: t.String(), message: t.String() }),
  died_at: t.String({ format: "date-time" }),
};
const LetterView = strict(LETTER_FIELDS);
const LetterList = strict({
  items: t.Array(LetterView),
  total: t.Integer({ description: "Counted up to 10 000." }),
  limit: t.Integer(),
  next_cursor: t.Nullable(t.String()),
});
const LetterDetail = strict({ ...LETTER_FIELDS, history: AttemptList.properties.items });

const filters = {
  task_type: t.Optional(t.String({ maxLength: 64 })),
  error: t.Optional(t.String({ maxLength: 200, description: "An error code, or a part of the message." })),
};

const RedriveWish = strict({
  task_ids: t.Optional(t.Array(t.String({ maxLength: 128 }), { minItems: 1, maxItems: REDRIVE_TASKS_MAX })),
  filter: t.Optional(strict(filters)),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: REDRIVE_TASKS_MAX })),
  rate_per_second: t.Optional(
    t.Number({
      minimum: 0.1,
      maximum: REDRIVE_PER_SECOND_MAX,
      description: `${REDRIVE_PER_SECOND_DEFAULT} when absent.`,
    }),
  ),
  payload_patch: t.Optional(t.Unknown({ description: "JSON merge patch (RFC 7396) for each payload." })),
});

const RedriveAnswer = strict({
  redriven: t.Integer(),
  task_ids: t.Array(t.String()),
  skipped: t.Array(strict({ task_id: t.String(), reason: t.String() })),
});

export function dlqRoutes(ports: Ports) {
  return new Elysia({ name: "dlq", prefix: "/api/dlq" })
    .use(guarded)
    .use(reading(ports))
    .use(steering(ports));
}

function reading(ports: Ports) {
  return new Elysia({ name: "dlq-reading" })
    .use(guarded)
    .get(
      "",
      async ({ identity, query }) => {
        const { task_type: taskType, error, limit = LIST_LIMIT_DEFAULT } = query;
        const filter = {
          ownerId: sightOf(identity),
          taskType,
          error,
          before: readCursor(query.cursor),
          limit,
        };
        const [letters, total] = await orStoreFault(
          Promise.all([
            listDeadLetters(ports.sql, filter),
            countDeadLetters(ports.sql, filter, LIST_TOTAL_MAX),
          ]),
        );
        const last = letters.length === limit ? letters.at(-1) : undefined;
        const next_cursor = last === undefined ? null : cursorAfter(last.seq);
        return { items: letters.map(viewLetter), total, limit, next_cursor };
      },
      {
        scope: "tasks:read",
        query: strict({
          ...filters,
          limit: t.Optional(t.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX })),
          cursor: t.Optional(t.String()),
        }),
        detail: documented({
          summary: "List dead letters",
          description: "Tasks that failed for good, newest first.",
          tag,
          answers: { 200: { description: "A page.", schema: LetterList } },
          faults: ["VALIDATION_FAILED"],
        }),
      },
    )
    .get(
      "/:task_id",
      async ({ identity, params }) => {
        const letter = await findLetter(ports, identity, params.task_id);
        const history = await orStoreFault(listAttempts(ports.sql, letter.seq));
        return { ...viewLetter(letter), history: history.map(viewAttempt) };
      },
      {
        scope: "tasks:read",
        detail: documented({
          summary: "Show a dead letter",
          description: "With its payload and the error of every attempt.",
          tag,
          answers: { 200: { description: "The dead letter.", schema: LetterDetail } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

function steering(ports: Ports) {
  return new Elysia({ name: "dlq-steering" })
    .use(guarded)
    .post(
      "/redrive",
      async ({ identity, body, correlationId, set }) => {
        const report = await redriveDeadLetters(ports, identity, readRedrive(body, correlationId));
        set.status = 202;
        return { redriven: report.redriven.length, task_ids: report.redriven, skipped: report.skipped };
      },
      {
        scope: "tasks:write",
        role: "operator",
        ...jsonBody(RedriveWish),
        detail: documented({
          summary: "Redrive dead letters",
          description:
            "Brings them back at a pace, with their policy and a fresh count of failures: those named, in that order, or those that a filter finds, newest first.",
          tag,
          answers: { 202: { description: "They are on their way.", schema: RedriveAnswer } },
          faults: [
            "BAD_JSON",
            "BODY_TOO_LARGE",
            "PAYLOAD_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "VALIDATION_FAILED",
          ],
        }),
      },
    )
    .delete(
      "/:task_id",
      async ({ identity, params, set, correlationId }) => {
        const letter = await findLetter(ports, identity, params.task_id);
        const isDiscarded = await orStoreFault(discardDeadLetter(ports.hotSql, letter.seq));
        requireSight(identity, isDiscarded ? letter.ownerId : undefined, "dead letter");
        ports.log.info("dead letter discarded", {
          task_id: letter.taskId,
          user_id: identity.userId,
          correlation_id: correlationId,
        });
        set.status = 204;
      },
      {
        scope: "tasks:write",
        detail: documented({
          summary: "Discard a dead letter",
          description: "It leaves this list; the task stays failed.",
          tag,
          answers: { 204: { description: "Discarded." } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

/** Checks what the schema cannot say, and fills in the defaults. */
function readRedrive(body: typeof RedriveWish.static, correlationId: string): Redrive {
  const { task_ids: taskIds, filter, payload_patch: patch } = body;
  if ((taskIds === undefined) === (filter === undefined))
    throw wrongField("/task_ids", "give either task_ids or filter; an empty filter means all");
  if (patch === null)
    throw wrongField("/payload_patch", "null would empty every payload; leave it out to keep them");
  return {
    taskIds,
    taskType: filter?.task_type,
    error: filter?.error,
    limit: body.limit ?? REDRIVE_TASKS_MAX,
    ratePerSecond: body.rate_per_second ?? REDRIVE_PER_SECOND_DEFAULT,
    payloadPatch: patch as Json | undefined, // It came out of JSON.parse.
    correlationId,
  };
}

function wrongField(path: string, message: string): Fault {
  return new Fault("VALIDATION_FAILED", message, { errors: [{ path, message }] });
}

async function findLetter(ports: Ports, identity: Identity, taskId: string): Promise<DeadLetterRow> {
  const filter = { ownerId: sightOf(identity), taskIds: [taskId], limit: 1 };
  const [letter] = await orStoreFault(listDeadLetters(ports.sql, filter));
  if (letter === undefined) throw new Fault("NOT_FOUND", "no such dead letter");
  return letter;
}

function viewLetter(letter: DeadLetterRow) {
  return {
    task_id: letter.taskId,
    task_type: letter.taskType,
    lane: letter.lane,
    payload: letter.payload,
    attempts: letter.attempts,
    error: { code: letter.errorCode, message: letter.errorMessage },
    died_at: isoTime(letter.diedAt),
  };
}
