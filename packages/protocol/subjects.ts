import { LANES, type Lane, type Priority } from "@millrace/core";
import { PRIORITY_MAX, PRIORITY_MIN } from "@millrace/core/limits";

/** Names on the wire. `nats/` holds the same names as configuration; a drift test compares the two. */
export const TASKS_STREAM = "TASKS";
export const DLQ_STREAM = "DLQ";
/** The consumer of DLQ that logs each letter once. */
export const DLQ_MONITOR = "monitor";
export const ADVISORIES_STREAM = "ADVISORIES";

export const WORKERS_BUCKET = "workers";
export const BREAKERS_BUCKET = "breakers";
export const CONTROL_BUCKET = "control";

/** Header with the id that follows a request through messages, rows and log lines. */
export const CORRELATION_HEADER = "X-Correlation-Id";
export const MESSAGE_ID_HEADER = "Nats-Msg-Id";

/** One queue of the dispatcher: a durable consumer reads it. */
export interface Level {
  readonly lane: Lane;
  readonly priority: Priority;
}

export const LEVELS: readonly Level[] = LANES.flatMap((lane) =>
  Array.from({ length: PRIORITY_MAX - PRIORITY_MIN + 1 }, (_, index) => ({
    lane,
    priority: PRIORITY_MIN + index,
  })),
);

/** `tasks.<lane>.p<1-10>.<task_type>`; the dots of a type part it into tokens. */
export function taskSubject(level: Level, taskType: string): string {
  return `tasks.${level.lane}.p${level.priority}.${taskType}`;
}

export function levelFilter(level: Level): string {
  return `tasks.${level.lane}.p${level.priority}.>`;
}

export function levelConsumer(level: Level): string {
  return `${level.lane}-p${level.priority}`;
}

/** A subject of its own for each sleeping task: the server keeps one schedule per subject. */
export function scheduleSubject(lane: Lane, seq: number): string {
  return `sched.${lane}.${seq}`;
}

export function deadLetterSubject(lane: Lane, taskType: string): string {
  return `dlq.${lane}.${taskType}`;
}

/** Core NATS, not stored: what changes in the lives of tasks, for whoever watches now. */
export const LIVE_TASKS_SUBJECT = "live.tasks";
/** Core NATS: how far running tasks are. Apart, since every api process listens to it. */
export const LIVE_PROGRESS_SUBJECT = "live.progress";
/** A question to every process of the product: how are you? */
export const LIVE_PARTS_SUBJECT = "live.parts";

/** Core NATS: how far uploads are, told by the api processes that receive them. */
export const LIVE_FILES_FILTER = "live.files.*";
export function liveFileSubject(fileId: string): string {
  return `live.files.${fileId}`;
}

/** Core NATS: tells the workers that a running task was cancelled. */
export const CANCEL_SUBJECT = "control.cancel";
/** Core NATS: tasks of these types may be leased by workers over HTTP. */
export const LEASABLE_SUBJECT = "control.leasable";
/** Core NATS: a worker over HTTP has registered anew or has left; or a worker of either kind is drained, or works again. */
export const WORKERS_SUBJECT = "control.workers";
/** Core NATS: schedules have changed, so that whoever fires them looks when the next one is due. */
export const SCHEDULES_SUBJECT = "control.schedules";
/** Core NATS: a question to everybody who goes by what operators order: have you taken in what was ordered by now? */
export const ORDERS_SUBJECT = "control.orders";

/** Core NATS: asks whichever api process receives bytes of an upload to let go of it. */
export function uploadReleaseSubject(fileId: string): string {
  return `uploads.release.${fileId}`;
}

/** Deduplicates within the stream's window; afterwards the claim does. */
export function dispatchId(taskId: string, attempt: number): string {
  return `${taskId}:${attempt}`;
}

/** Core NATS: a breaker has changed, as its bucket has it by now. What gets lost is read from the bucket. */
export const BREAKER_CHANGED_SUBJECT = "millrace.breakers.changed";
/** Core NATS: a worker has parked tasks, or has been refused, for the name in the body. */
export const HELD_SUBJECT = "millrace.held";
/** Core NATS: a permit of the name in the body is free again while somebody waits for it. */
export const FREED_SUBJECT = "millrace.freed";
