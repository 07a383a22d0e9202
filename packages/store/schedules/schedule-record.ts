import { type Cadence, firstTick, type MissedPolicy, type OverlapPolicy } from "@millrace/core";
import type { NewTask } from "../tasks/submit-tasks.ts";

/** What each tick makes a task of, its defaults filled in: in the words of the columns of `tasks`. */
export type TaskTemplate = Pick<
  NewTask,
  | "task_type"
  | "lane"
  | "priority"
  | "payload"
  | "timeout_s"
  | "max_attempts"
  | "backoff"
  | "tenant"
  | "ttl_s"
>;

/** What a schedule is asked to be. */
export interface ScheduleWish {
  readonly scheduleId: string;
  readonly ownerId: number;
  readonly name: string;
  readonly rhythm: Rhythm;
  readonly task: TaskTemplate;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  readonly startAt: Date | null;
  readonly endAt: Date | null;
  readonly isPaused: boolean;
}

export type Rhythm =
  | { readonly kind: "cron"; readonly expression: string; readonly timeZone: string }
  | { readonly kind: "every"; readonly seconds: number };

/** A schedule with where it stands. */
export interface ScheduleRecord extends ScheduleWish {
  /** `every` counts from here. */
  readonly anchorAt: Date;
  /** The first tick that nothing was done about; null when it is paused or over. */
  readonly nextRunAt: Date | null;
  readonly heldSince: Date | null;
  readonly lastRunAt: Date | null;
  readonly problem: string | null;
  readonly nonce: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What `SCHEDULE_COLUMNS` selects. */
export interface ScheduleRow {
  readonly schedule_id: string;
  readonly owner_id: number;
  readonly name: string;
  readonly cron: string | null;
  readonly time_zone: string;
  readonly every_s: number | null;
  readonly anchor_at: Date;
  readonly task: TaskTemplate;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  readonly start_at: Date | null;
  readonly end_at: Date | null;
  readonly is_paused: boolean;
  readonly next_run_at: Date | null;
  readonly held_since: Date | null;
  readonly last_run_at: Date | null;
  readonly problem: string | null;
  readonly nonce: string;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const SCHEDULE_COLUMNS = `schedule_id, owner_id, name, cron, time_zone, every_s, anchor_at, task, missed, overlap,
  start_at, end_at, is_paused, next_run_at, held_since, last_run_at, problem, nonce, version, created_at, updated_at`;

export function toSchedule(row: ScheduleRow): ScheduleRecord {
  return {
    scheduleId: row.schedule_id,
    ownerId: row.owner_id,
    name: row.name,
    rhythm:
      row.every_s === null
        ? { kind: "cron", expression: row.cron ?? "", timeZone: row.time_zone }
        : { kind: "every", seconds: row.every_s },
    task: row.task,
    missed: row.missed,
    overlap: row.overlap,
    startAt: row.start_at,
    endAt: row.end_at,
    isPaused: row.is_paused,
    anchorAt: row.anchor_at,
    nextRunAt: row.next_run_at,
    heldSince: row.held_since,
    lastRunAt: row.last_run_at,
    problem: row.problem,
    nonce: row.nonce,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** Ticks are whole seconds, so `every` counts from one. */
export function anchorOf(wish: Pick<ScheduleWish, "startAt">, now: Date): Date {
  return new Date(Math.floor((wish.startAt ?? now).getTime() / 1000) * 1000);
}

export function cadenceOf(rhythm: Rhythm, anchorAt: Date): Cadence {
  return rhythm.kind === "cron" ? rhythm : { ...rhythm, anchorMs: anchorAt.getTime() };
}

/** When a schedule that begins, changes or is resumed now is due first. */
export function firstRunOf(wish: ScheduleWish, anchorAt: Date, now: Date): Date | null {
  if (wish.isPaused) return null;
  const tick = firstTick(cadenceOf(wish.rhythm, anchorAt), {
    nowMs: now.getTime(),
    startMs: wish.startAt?.getTime() ?? null,
    endMs: wish.endAt?.getTime() ?? null,
  });
  return tick === null ? null : new Date(tick);
}
