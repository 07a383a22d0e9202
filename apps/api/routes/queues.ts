import { LANES } from "@millrace/core";
import { AUTH_BODY_BYTES_MAX, PAUSE_REASON_CHARS_MAX, QUEUE_COUNT_MAX } from "@millrace/core/limits";
import { isLaneName, type LevelCount, type Pause } from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { isoTime } from "../http/iso-time.ts";
import { optionalJsonBody } from "../http/optional-json-body.ts";
import { pending } from "../http/pending.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { TaskWish } from "../tasks/task-wish.ts";
import { pauseQueue, resumeQueue } from "../use-cases/steer-queue.ts";

const tag = "Queues";
const upTo = `Counted up to ${QUEUE_COUNT_MAX}.`;

const QueueList = strict({
  items: t.Array(
    strict({
      lane: choice(LANES),
      priority: t.Integer(),
      waiting: t.Integer({ description: `Not running, not parked, and waiting for no parent. ${upTo}` }),
      due: t.Integer({ description: `Those of them that could start now. ${upTo}` }),
      running: t.Integer(),
      oldest_age: t.Nullable(t.Number({ description: "Seconds for which the first in line has been due." })),
      paused: t.Boolean({ description: "The lane is." }),
    }),
  ),
  paused: t.Array(
    strict({
      name: t.String(),
      kind: choice(["lane", "type"]),
      paused_at: t.String({ format: "date-time" }),
      reason: t.Nullable(t.String()),
      parked: t.Nullable(t.Integer({ description: `Of a type: tasks that wait for its end. ${upTo}` })),
    }),
  ),
});

const QueueAnswer = strict({
  name: t.String(),
  kind: choice(["lane", "type"]),
  paused: t.Boolean(),
  paused_at: t.Nullable(t.String({ format: "date-time" })),
  reason: t.Nullable(t.String()),
  pending,
});

const Name = strict({ name: TaskWish.properties.task_type });

export function queueRoutes(ports: Ports) {
  return new Elysia({ name: "queues", prefix: "/api/queues" })
    .use(guarded)
    .use(views(ports))
    .use(steering(ports));
}

function views(ports: Ports) {
  return new Elysia({ name: "queue-views" }).use(guarded).get(
    "",
    async () => {
      const { levels, pauses, parked } = await ports.queueCounts.read();
      const isPaused = (lane: string) => pauses.some((pause) => pause.isLane && pause.name === lane);
      return {
        items: levels.map((level) => viewLevel(level, isPaused(level.lane))),
        paused: pauses.map((pause) => viewPause(pause, parked)),
      };
    },
    {
      scope: "tasks:read",
      detail: documented({
        summary: "Show the queues",
        description: "One for each lane and priority, and what is paused. Counted at most once a second.",
        tag,
        answers: { 200: { description: "All of them.", schema: QueueList } },
      }),
    },
  );
}

function steering(ports: Ports) {
  return new Elysia({ name: "queue-steering" })
    .use(guarded)
    .post(
      "/:name/pause",
      async ({ identity, params, body, correlationId }) => {
        const order = { name: params.name, reason: body.reason ?? null, correlationId };
        const { pause, pending } = await pauseQueue(ports, identity, order);
        return { ...viewQueue(params.name, pause), pending };
      },
      {
        scope: "tasks:write",
        role: "operator",
        params: Name,
        ...optionalJsonBody(
          strict({ reason: t.Optional(t.String({ maxLength: PAUSE_REASON_CHARS_MAX })) }),
          AUTH_BODY_BYTES_MAX,
        ),
        detail: documented({
          summary: "Pause a lane or a task type",
          description:
            "Once this is answered nothing new of it starts, on any worker that is not `pending`; what runs goes on. Tasks of a paused type are parked, and use up no attempt. A name of a lane means the lane.",
          tag,
          answers: { 200: { description: "Paused.", schema: QueueAnswer } },
          faults: [
            "BAD_JSON",
            "BODY_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "VALIDATION_FAILED",
            "LIMIT_REACHED",
          ],
        }),
      },
    )
    .post(
      "/:name/resume",
      async ({ identity, params, correlationId }) => {
        const pending = await resumeQueue(ports, identity, { name: params.name, correlationId });
        return { ...viewQueue(params.name, null), pending };
      },
      {
        scope: "tasks:write",
        role: "operator",
        params: Name,
        parse: "none",
        detail: documented({
          summary: "Resume a lane or a task type",
          description: "Everything that waited for it runs.",
          tag,
          answers: { 200: { description: "Not paused.", schema: QueueAnswer } },
          faults: ["VALIDATION_FAILED"],
        }),
      },
    );
}

function viewLevel(level: LevelCount, paused: boolean) {
  const { lane, priority, waiting, due, running, oldestAgeS } = level;
  const oldest_age = oldestAgeS === null ? null : Math.max(0, Math.round(oldestAgeS * 1000) / 1000);
  return { lane, priority, waiting, due, running, oldest_age, paused };
}

function viewPause({ name, isLane, pausedAt, reason }: Pause, parked: ReadonlyMap<string, number>) {
  const kind = isLane ? "lane" : "type";
  return {
    name,
    kind,
    paused_at: isoTime(pausedAt),
    reason,
    parked: isLane ? null : (parked.get(name) ?? 0),
  };
}

function viewQueue(name: string, pause: Pause | null) {
  return {
    name,
    kind: isLaneName(name) ? "lane" : "type",
    paused: pause !== null,
    paused_at: isoTime(pause?.pausedAt ?? null),
    reason: pause?.reason ?? null,
  };
}
