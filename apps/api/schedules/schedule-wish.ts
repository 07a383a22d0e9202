import { MISSED_POLICIES, OVERLAP_POLICIES } from "@millrace/core";
import {
  SCHEDULE_CRON_CHARS_MAX,
  SCHEDULE_EVERY_S_MAX,
  SCHEDULE_EVERY_S_MIN,
  SCHEDULE_ID_CHARS_MAX,
  SCHEDULE_NAME_CHARS_MAX,
  TIME_ZONE_CHARS_MAX,
} from "@millrace/core/limits";
import { Type } from "@sinclair/typebox";
import { type Static, t } from "elysia";
import { choice, strict } from "../http/schema.ts";
import { TaskWish } from "../tasks/task-wish.ts";

const { task_id, run_at, delay, dependencies, on_parent_failure, dedup, debounce, ...template } =
  TaskWish.properties;

/** The task of each tick: as one that is submitted, without what belongs to one run alone; `overlap` says what
 * others say by a key. */
const TaskTemplate = strict(template);

const time = (description: string) => t.Nullable(t.String({ description }));

const FIELDS = {
  name: t.Optional(
    t.String({ minLength: 1, maxLength: SCHEDULE_NAME_CHARS_MAX, description: "The id when absent." }),
  ),
  cron: t.Optional(
    t.String({
      maxLength: SCHEDULE_CRON_CHARS_MAX,
      description:
        "Minute, hour, day, month and weekday, seconds in front if need be; or @daily and the like.",
    }),
  ),
  time_zone: t.Optional(
    t.String({
      maxLength: TIME_ZONE_CHARS_MAX,
      description: "Whose wall clock `cron` speaks of, such as Europe/Berlin; UTC when absent.",
    }),
  ),
  every: t.Optional(
    Type.Integer({
      minimum: SCHEDULE_EVERY_S_MIN,
      maximum: SCHEDULE_EVERY_S_MAX,
      description: "Seconds, counted from `start_at` or from now. In place of `cron`.",
    }),
  ),
  missed: t.Optional(
    choice(MISSED_POLICIES, {
      description: "What becomes of ticks while no scheduler was there; `latest` when absent.",
    }),
  ),
  overlap: t.Optional(
    choice(OVERLAP_POLICIES, {
      description: "What becomes of a tick while an earlier run is not finished; `allow` when absent.",
    }),
  ),
  start_at: t.Optional(time("No tick before this.")),
  end_at: t.Optional(time("No tick after this.")),
  paused: t.Optional(t.Boolean()),
};

export const ScheduleWish = strict({
  schedule_id: t.Optional(
    t.String({
      minLength: 1,
      maxLength: SCHEDULE_ID_CHARS_MAX,
      pattern: "^[A-Za-z0-9][A-Za-z0-9_.:-]*$",
      error: `must be 1 to ${SCHEDULE_ID_CHARS_MAX} letters, digits and _.:- that start with a letter or digit`,
      description: "Made (UUIDv7) when absent. Sending the same schedule twice makes it once.",
    }),
  ),
  task: TaskTemplate,
  ...FIELDS,
});
export type ScheduleWish = Static<typeof ScheduleWish>;

/** What is absent stays as it is. */
export const SchedulePatch = strict({ task: t.Optional(TaskTemplate), ...FIELDS });
export type SchedulePatch = Static<typeof SchedulePatch>;
