import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, SCHEDULE_ID_CHARS_MAX } from "@millrace/core/limits";
import { deleteSchedule, listScheduleRuns, listSchedules, orStoreFault } from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded, requireSight, sightOf } from "../http/access.ts";
import { jsonBody } from "../http/json-body.ts";
import { strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { SchedulePatch, ScheduleWish } from "../schedules/schedule-wish.ts";
import {
  ScheduleAnswer,
  ScheduleDetail,
  ScheduleList,
  viewRun,
  viewSchedule,
} from "../schedules/view-schedule.ts";
import { changeSchedule } from "../use-cases/change-schedule.ts";
import { createSchedule } from "../use-cases/create-schedule.ts";
import { findScheduleFor } from "../use-cases/show-schedule.ts";
import { triggerSchedule } from "../use-cases/trigger-schedule.ts";

const tag = "Schedules";
const RUNS_SHOWN = 20;
const BODY_FAULTS = [
  "BAD_JSON",
  "BODY_TOO_LARGE",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "VALIDATION_FAILED",
] as const;
const aSchedule = (description: string) => ({ description, schema: ScheduleAnswer });

export function scheduleRoutes(ports: Ports) {
  return new Elysia({ name: "schedules", prefix: "/api/schedules" })
    .use(guarded)
    .use(views(ports))
    .use(keeping(ports))
    .use(steering(ports));
}

/** A body that came in chunks has no declared length: then it is measured. */
function bytesOf(request: Request, body: unknown): number {
  const declared = request.headers.get("content-length");
  return declared === null ? Buffer.byteLength(JSON.stringify(body)) : Number(declared);
}

function views(ports: Ports) {
  return new Elysia({ name: "schedule-views" })
    .use(guarded)
    .get(
      "",
      async ({ identity, query }) => {
        const { limit = LIST_LIMIT_DEFAULT, cursor: after } = query;
        const page = { ownerId: sightOf(identity), limit, after };
        const schedules = await orStoreFault(listSchedules(ports.sql, page));
        const last = schedules.length === limit ? schedules.at(-1) : undefined;
        return { items: schedules.map(viewSchedule), limit, next_cursor: last?.scheduleId ?? null };
      },
      {
        scope: "tasks:read",
        query: strict({
          limit: t.Optional(t.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX })),
          cursor: t.Optional(t.String({ maxLength: SCHEDULE_ID_CHARS_MAX })),
        }),
        detail: documented({
          summary: "List schedules",
          description: "By id; your own, or everybody's for operators.",
          tag,
          answers: { 200: { description: "A page.", schema: ScheduleList } },
          faults: ["VALIDATION_FAILED"],
        }),
      },
    )
    .get(
      "/:schedule_id",
      async ({ identity, params }) => {
        const schedule = await findScheduleFor(ports, identity, params.schedule_id);
        const runs = await orStoreFault(listScheduleRuns(ports.sql, schedule.scheduleId, RUNS_SHOWN));
        return { ...viewSchedule(schedule), runs: runs.map(viewRun) };
      },
      {
        scope: "tasks:read",
        detail: documented({
          summary: "Show a schedule",
          description: "With its next runs and its last ones.",
          tag,
          answers: { 200: { description: "The schedule.", schema: ScheduleDetail } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

function keeping(ports: Ports) {
  return new Elysia({ name: "schedule-keeping" })
    .use(guarded)
    .post(
      "",
      async ({ identity, correlationId, body, request, set }) => {
        const submission = { wish: body, requestBytes: bytesOf(request, body), correlationId };
        const { isNew, schedule } = await createSchedule(ports, identity, submission);
        set.status = isNew ? 201 : 200;
        return viewSchedule(schedule);
      },
      {
        scope: "tasks:write",
        ...jsonBody(ScheduleWish),
        detail: documented({
          summary: "Make a schedule",
          description:
            "Each of its ticks becomes one task, `<schedule_id>:<tick>`, by cron with a time zone or every so many seconds.",
          tag,
          answers: { 201: aSchedule("Stored."), 200: aSchedule("It was there already.") },
          faults: [...BODY_FAULTS, "SCHEDULE_ID_CONFLICT", "LIMIT_REACHED"],
        }),
      },
    )
    .patch(
      "/:schedule_id",
      async ({ identity, correlationId, body, request, params }) => {
        const requestBytes = bytesOf(request, body);
        const change = { scheduleId: params.schedule_id, patch: body, requestBytes, correlationId };
        return viewSchedule(await changeSchedule(ports, identity, change));
      },
      {
        scope: "tasks:write",
        ...jsonBody(SchedulePatch),
        detail: documented({
          summary: "Change a schedule",
          description:
            "What is absent stays. A new rhythm counts from now; `start_at` and `end_at` go with null.",
          tag,
          answers: { 200: aSchedule("As it is now.") },
          faults: [...BODY_FAULTS, "NOT_FOUND"],
        }),
      },
    )
    .delete(
      "/:schedule_id",
      async ({ identity, params, set }) => {
        const { scheduleId, ownerId } = await findScheduleFor(ports, identity, params.schedule_id);
        const isDeleted = await orStoreFault(deleteSchedule(ports.sql, scheduleId));
        requireSight(identity, isDeleted ? ownerId : undefined, "schedule");
        set.status = 204;
      },
      {
        scope: "tasks:write",
        detail: documented({
          summary: "Delete a schedule",
          description: "The tasks that it made stay.",
          tag,
          answers: { 204: { description: "Deleted." } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

function steering(ports: Ports) {
  const setPaused = (name: "pause" | "resume", summary: string, description: string) =>
    new Elysia({ name: `schedule-${name}` }).use(guarded).post(
      `/:schedule_id/${name}`,
      async ({ identity, correlationId, params }) => {
        const patch = { paused: name === "pause" };
        const change = { scheduleId: params.schedule_id, patch, requestBytes: 0, correlationId };
        return viewSchedule(await changeSchedule(ports, identity, change));
      },
      {
        scope: "tasks:write",
        parse: "none",
        detail: documented({
          ...{ summary, description, tag },
          answers: { 200: aSchedule("As it is now.") },
          faults: ["NOT_FOUND"],
        }),
      },
    );
  return new Elysia({ name: "schedule-steering" })
    .use(guarded)
    .use(setPaused("pause", "Pause a schedule", "Nothing is due until it is resumed."))
    .use(setPaused("resume", "Resume a schedule", "Ticks that passed while it was paused are not missed."))
    .post(
      "/:schedule_id/trigger",
      async ({ identity, span, params, set }) => {
        set.status = 202;
        const { schedule_id: scheduleId } = params;
        return { task_id: await triggerSchedule(ports, identity, { scheduleId, span }) };
      },
      {
        scope: "tasks:write",
        parse: "none",
        detail: documented({
          summary: "Run a schedule's task now",
          description: "Once, beside its ticks, whether it is paused or not.",
          tag,
          answers: { 202: { description: "Stored.", schema: strict({ task_id: t.String() }) } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}
