import type { Json, Lane, TaskRequest } from "./types.ts";

/** What the task of each tick is: as one that is submitted, without what belongs to one run alone. */
export type ScheduledTask = Omit<
  TaskRequest,
  "task_id" | "dependencies" | "on_parent_failure" | "run_at" | "delay"
>;

/** `cron`, with a time zone, or `every` so many seconds. What is absent gets the server's default. */
export interface ScheduleRequest {
  /** Made here (UUIDv7) when absent, so that sending the request again changes nothing. */
  readonly schedule_id?: string;
  readonly name?: string;
  readonly cron?: string;
  /** Of the IANA database; UTC when absent. */
  readonly time_zone?: string;
  readonly every?: number;
  readonly task: ScheduledTask;
  /** What becomes of ticks while no scheduler was there; `latest` when absent. */
  readonly missed?: "skip" | "catch_up" | "latest";
  /** What becomes of a tick while an earlier run is not finished; `allow` when absent. */
  readonly overlap?: "allow" | "skip" | "queue";
  readonly start_at?: string | null;
  readonly end_at?: string | null;
  readonly paused?: boolean;
}

/** What is absent stays as it is. */
export type SchedulePatch = Partial<Omit<ScheduleRequest, "schedule_id">>;

export interface Schedule {
  readonly schedule_id: string;
  readonly name: string;
  readonly status: "active" | "paused" | "ended";
  readonly cron: string | null;
  readonly time_zone: string | null;
  readonly every: number | null;
  readonly task: ScheduledTask & { readonly payload: Json };
  readonly missed: "skip" | "catch_up" | "latest";
  readonly overlap: "allow" | "skip" | "queue";
  readonly start_at: string | null;
  readonly end_at: string | null;
  /** The next five. */
  readonly next_runs: readonly string[];
  readonly last_run_at: string | null;
  readonly problem: string | null;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface ScheduleRun {
  readonly tick: string;
  readonly kind: "fired" | "skipped" | "triggered";
  readonly task_id: string | null;
  readonly made_at: string;
}

export interface ScheduleDetail extends Schedule {
  /** The last ones, newest first. */
  readonly runs: readonly ScheduleRun[];
}

export interface SchedulePage {
  readonly items: readonly Schedule[];
  readonly limit: number;
  readonly next_cursor: string | null;
}

export interface QueueLevel {
  readonly lane: Lane;
  readonly priority: number;
  readonly waiting: number;
  readonly due: number;
  readonly running: number;
  /** Seconds. */
  readonly oldest_age: number | null;
  readonly paused: boolean;
}

export interface QueuePause {
  readonly name: string;
  readonly kind: "lane" | "type";
  readonly paused_at: string;
  readonly reason: string | null;
  readonly parked: number | null;
}

export interface Queues {
  readonly items: readonly QueueLevel[];
  readonly paused: readonly QueuePause[];
}

/** A lane or task type was paused or resumed. */
export interface QueueSteered {
  /** Workers that do not go by it yet; empty: it is in effect everywhere. */
  readonly pending: readonly string[];
}
