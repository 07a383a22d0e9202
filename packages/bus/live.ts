import {
  CANCEL_SUBJECT,
  LIVE_PROGRESS_SUBJECT,
  LIVE_TASKS_SUBJECT,
  type LiveProgress,
  type LiveTask,
  type LiveTasks,
} from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** People cannot see faster, and a message for each step would cost a worker as much as the task does. */
const TELL_EVERY_MS = 40;
/** Steps that are told together at most; a burst sends several messages. */
const TOLD_AT_ONCE_MAX = 1_000;

/** Gathers what a worker's tasks do, and tells it together. Forgotten if nobody listens. */
export class LiveTeller {
  readonly #bus: Bus;
  readonly #workerId: string;
  readonly #progress = new Map<number, LiveProgress>();
  #tasks: LiveTask[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(bus: Bus, workerId: string) {
    this.#bus = bus;
    this.#workerId = workerId;
  }

  tell(task: LiveTask): void {
    this.#tasks.push(task);
    if (this.#tasks.length >= TOLD_AT_ONCE_MAX) this.flush();
    else this.#later();
  }

  /** The last word of a moment counts: a handler may report as often as it likes. */
  tellProgress(progress: LiveProgress): void {
    this.#progress.set(progress.seq, progress);
    this.#later();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tasks = this.#tasks.splice(0);
    const progress = [...this.#progress.values()];
    this.#progress.clear();
    if (this.#bus.connection.isClosed()) return;
    if (progress.length > 0) this.#bus.connection.publish(LIVE_PROGRESS_SUBJECT, JSON.stringify(progress));
    if (tasks.length === 0) return;
    const told: LiveTasks = { worker_id: this.#workerId, at: new Date().toISOString(), tasks };
    this.#bus.connection.publish(LIVE_TASKS_SUBJECT, JSON.stringify(told));
  }

  #later(): void {
    this.#timer ??= setTimeout(() => this.flush(), TELL_EVERY_MS);
  }
}

/** Hears what all tasks do; the returned function ends it. */
export function followLive(bus: Bus, onLive: (told: LiveTasks) => void): () => void {
  return follow(bus, LIVE_TASKS_SUBJECT, { isOurs: isLiveTasks, handle: onLive });
}

/** Hears how far all running tasks are; the returned function ends it. */
export function followProgress(bus: Bus, onProgress: (told: readonly LiveProgress[]) => void): () => void {
  return follow(bus, LIVE_PROGRESS_SUBJECT, { isOurs: isProgressList, handle: onProgress });
}

interface Follower<T> {
  readonly isOurs: (told: unknown) => told is T;
  readonly handle: (told: T) => void;
}

/** Anybody can publish anything, and an exception in here would end the whole connection: what is not ours is dropped. */
function follow<T>(bus: Bus, subject: string, { isOurs, handle }: Follower<T>): () => void {
  const subscription = bus.connection.subscribe(subject, {
    callback: (error, message) => {
      const told = error === null ? parsed(message.string()) : null;
      if (isOurs(told)) handle(told);
    },
  });
  return () => subscription.unsubscribe();
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function isLiveTasks(told: unknown): told is LiveTasks {
  return isObject(told) && Array.isArray(told.tasks) && told.tasks.every(isAboutAttempt);
}

function isProgressList(told: unknown): told is readonly LiveProgress[] {
  return Array.isArray(told) && told.every((one) => isAboutAttempt(one) && typeof one.progress === "number");
}

function isCancelNotice(told: unknown): told is CancelNotice {
  return isAboutAttempt(told) && typeof told.session === "string";
}

function isAboutAttempt(told: unknown): told is Readonly<Record<string, unknown>> {
  return isObject(told) && typeof told.seq === "number" && typeof told.attempt === "number";
}

function isObject(told: unknown): told is Readonly<Record<string, unknown>> {
  return typeof told === "object" && told !== null;
}

export interface CancelNotice {
  /** For workers over HTTP, who know no other name of it. */
  readonly task_id?: string;
  readonly seq: number;
  readonly attempt: number;
  readonly session: string;
}

/** Tells the worker that its attempt was cancelled, so that it stops early; the database refuses its outcome anyway. */
export function tellCancelled(bus: Bus, notice: CancelNotice): void {
  if (!bus.connection.isClosed()) bus.connection.publish(CANCEL_SUBJECT, JSON.stringify(notice));
}

export function onCancelled(bus: Bus, handle: (notice: CancelNotice) => void): () => void {
  return follow(bus, CANCEL_SUBJECT, { isOurs: isCancelNotice, handle });
}
