import { CANCEL_SUBJECT, LIVE_TASKS_SUBJECT, type LiveTask, type LiveTasks } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** People cannot see faster, and a message for each step would cost a worker as much as the task does. */
const TELL_EVERY_MS = 40;
/** Steps that are told together at most; a burst sends several messages. */
const TOLD_AT_ONCE_MAX = 1_000;

/** Gathers the steps that a worker's tasks take, and tells them together. Forgotten if nobody listens. */
export class LiveTeller {
  readonly #bus: Bus;
  readonly #workerId: string;
  #tasks: LiveTask[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(bus: Bus, workerId: string) {
    this.#bus = bus;
    this.#workerId = workerId;
  }

  tell(task: LiveTask): void {
    this.#tasks.push(task);
    if (this.#tasks.length >= TOLD_AT_ONCE_MAX) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), TELL_EVERY_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tasks = this.#tasks.splice(0);
    if (tasks.length === 0 || this.#bus.connection.isClosed()) return;
    const told: LiveTasks = { worker_id: this.#workerId, at: new Date().toISOString(), tasks };
    this.#bus.connection.publish(LIVE_TASKS_SUBJECT, JSON.stringify(told));
  }
}

/** Hears of all tasks; the returned function ends it. */
export function followLive(bus: Bus, onLive: (told: LiveTasks) => void): () => void {
  const subscription = bus.connection.subscribe(LIVE_TASKS_SUBJECT, {
    callback: (error, message) => {
      if (error === null) onLive(message.json<LiveTasks>());
    },
  });
  return () => subscription.unsubscribe();
}

export interface CancelNotice {
  readonly seq: number;
  readonly attempt: number;
  readonly session: string;
}

/** Tells the worker that its attempt was cancelled, so that it stops early; the database refuses its outcome anyway. */
export function tellCancelled(bus: Bus, notice: CancelNotice): void {
  if (!bus.connection.isClosed()) bus.connection.publish(CANCEL_SUBJECT, JSON.stringify(notice));
}

export function onCancelled(bus: Bus, handle: (notice: CancelNotice) => void): () => void {
  const subscription = bus.connection.subscribe(CANCEL_SUBJECT, {
    callback: (error, message) => {
      if (error === null) handle(message.json<CancelNotice>());
    },
  });
  return () => subscription.unsubscribe();
}
