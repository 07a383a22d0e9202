import { cronProblem, Fault, type FieldProblem, isTimeZone } from "@millrace/core";
import type { ScheduleWish as NewSchedule, Rhythm, ScheduleRecord, TaskTemplate } from "@millrace/store";
import { parseTime, readTask, type Submitter, type TaskRules } from "../tasks/read-task.ts";
import type { SchedulePatch, ScheduleWish } from "./schedule-wish.ts";

interface Reading {
  readonly submitter: Submitter;
  readonly rules: TaskRules;
  readonly errors: FieldProblem[];
}

/**
 * Fills in what a wish leaves open, and checks what no schema can say.
 * @throws Fault VALIDATION_FAILED with each mistake by name, PAYLOAD_TOO_LARGE
 */
export function readSchedule(wish: ScheduleWish, submitter: Submitter, rules: TaskRules): NewSchedule {
  const reading: Reading = { submitter, rules, errors: [] };
  const scheduleId = wish.schedule_id ?? rules.makeTaskId();
  const rhythm = readRhythm(wish, undefined, reading);
  const task = readTemplate(wish.task, reading);
  const span = readSpan(wish, undefined, reading);
  if (task === null || rhythm === null || reading.errors.length > 0) throw refusal(reading.errors);
  return {
    scheduleId,
    ownerId: submitter.ownerId,
    name: wish.name ?? scheduleId,
    rhythm,
    task,
    missed: wish.missed ?? "latest",
    overlap: wish.overlap ?? "allow",
    ...span,
    isPaused: wish.paused ?? false,
  };
}

/** The schedule as a patch leaves it. @throws as `readSchedule` */
export function patchSchedule(
  schedule: ScheduleRecord,
  patch: SchedulePatch,
  { submitter, rules }: Omit<Reading, "errors">,
): NewSchedule {
  const reading: Reading = { submitter, rules, errors: [] };
  const rhythm = readRhythm(patch, schedule.rhythm, reading);
  const task = patch.task === undefined ? schedule.task : readTemplate(patch.task, reading);
  const span = readSpan(patch, schedule, reading);
  if (task === null || rhythm === null || reading.errors.length > 0) throw refusal(reading.errors);
  return {
    scheduleId: schedule.scheduleId,
    ownerId: schedule.ownerId,
    name: patch.name ?? schedule.name,
    rhythm,
    task,
    missed: patch.missed ?? schedule.missed,
    overlap: patch.overlap ?? schedule.overlap,
    ...span,
    isPaused: patch.paused ?? schedule.isPaused,
  };
}

function refusal(errors: readonly FieldProblem[]): Fault {
  const [first] = errors;
  const message = `in the body: ${first?.path ?? ""} ${first?.message ?? "is not valid"}`;
  return new Fault("VALIDATION_FAILED", message, { errors });
}

type RhythmWords = Pick<SchedulePatch, "cron" | "time_zone" | "every">;

function readRhythm(words: RhythmWords, before: Rhythm | undefined, reading: Reading): Rhythm | null {
  const { cron, every, time_zone: zone } = words;
  const { errors } = reading;
  if (cron !== undefined && every !== undefined) {
    errors.push({ path: "/every", message: "must not stand beside cron" });
    return null;
  }
  if (every !== undefined) return readEvery(every, zone, errors);
  if (cron !== undefined) return readCron(cron, zone ?? zoneOf(before), reading);
  if (before === undefined) {
    errors.push({ path: "/cron", message: "is missing: give cron or every" });
    return null;
  }
  if (zone === undefined) return before;
  if (before.kind === "cron") return readCron(before.expression, zone, reading);
  return readEvery(before.seconds, zone, errors);
}

function zoneOf(before: Rhythm | undefined): string {
  return before?.kind === "cron" ? before.timeZone : "UTC";
}

function readEvery(seconds: number, zone: string | undefined, errors: FieldProblem[]): Rhythm {
  if (zone !== undefined)
    errors.push({ path: "/time_zone", message: "means nothing to every: seconds are the same everywhere" });
  return { kind: "every", seconds };
}

function readCron(expression: string, timeZone: string, { errors, rules }: Reading): Rhythm | null {
  if (!isTimeZone(timeZone)) {
    const message = "must be a time zone of the IANA database, such as Europe/Berlin";
    errors.push({ path: "/time_zone", message });
    return null;
  }
  const problem = cronProblem(expression, timeZone, rules.nowMs());
  if (problem !== null) errors.push({ path: "/cron", message: problem });
  return { kind: "cron", expression, timeZone };
}

function readTemplate(
  wish: ScheduleWish["task"],
  { submitter, rules, errors }: Reading,
): TaskTemplate | null {
  const reading = readTask(wish, submitter, rules);
  if (!reading.ok) {
    const inTask = reading.errors.map(({ path, message }) => ({ path: `/task${path}`, message }));
    if (reading.code === "PAYLOAD_TOO_LARGE")
      throw new Fault("PAYLOAD_TOO_LARGE", `in the body: ${inTask[0]?.path ?? "/task"}`, { errors: inTask });
    errors.push(...inTask);
    return null;
  }
  const { task_type, lane, priority, payload, timeout_s, max_attempts, backoff, tenant, ttl_s } =
    reading.task;
  const limited = ttl_s === undefined ? {} : { ttl_s };
  return { task_type, lane, priority, payload, timeout_s, max_attempts, backoff, tenant, ...limited };
}

interface Span {
  readonly startAt: Date | null;
  readonly endAt: Date | null;
}

function readSpan(words: SchedulePatch, before: Span | undefined, { errors }: Reading): Span {
  const startAt = readTime("/start_at", words.start_at, errors) ?? kept(words.start_at, before?.startAt);
  const endAt = readTime("/end_at", words.end_at, errors) ?? kept(words.end_at, before?.endAt);
  if (startAt !== null && endAt !== null && endAt < startAt)
    errors.push({ path: "/end_at", message: "must not lie before start_at" });
  return { startAt, endAt };
}

/** Null takes it away, absence keeps it. */
function kept(word: string | null | undefined, before: Date | null | undefined): Date | null {
  return word === undefined ? (before ?? null) : null;
}

function readTime(path: string, word: string | null | undefined, errors: FieldProblem[]): Date | null {
  if (word === undefined || word === null) return null;
  const atMs = parseTime(word);
  if (!Number.isNaN(atMs) && atMs >= 0) return new Date(atMs);
  errors.push({ path, message: "must be a time such as 2026-03-01T09:30:00Z" });
  return null;
}
