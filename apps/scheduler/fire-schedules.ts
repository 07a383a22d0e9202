import {
  SCHEDULE_LOOK_MS_MAX,
  SCHEDULE_PROBLEM_MS,
  SCHEDULE_RETRY_MS,
  SCHEDULES_AT_ONCE_MAX,
} from "@millrace/core/limits";
import type { Tracing } from "@millrace/observe";
import {
  type BeginTrace,
  classifyStoreFailure,
  type Firing,
  fireDue,
  firstDispatch,
  nextWakeMs,
  postponeFirst,
} from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/** Calls once after so long; what it returns prevents that. */
export type SetTimer = (fire: () => void, delayMs: number) => () => void;

const REPEATS_MAX = 3;

/**
 * Makes the tasks of schedules when they are due. It sleeps until the next one is, as the database's clock says, and no
 * longer than SCHEDULE_LOOK_MS_MAX: that is what a clock that jumps, or a word that got lost, can cost. Several may do it
 * side by side: `fireDue` says why each tick is run once.
 */
export class ScheduleFirer {
  readonly #ports: SchedulerPorts;
  readonly #wake: () => void;
  readonly #setTimer: SetTimer;
  readonly #beginTrace: BeginTrace | undefined;
  #cancelTimer: () => void = () => {};

  /** `wake` has `round` called. */
  constructor(ports: SchedulerPorts, wake: () => void, setTimer: SetTimer = setRealTimer) {
    this.#ports = ports;
    this.#wake = wake;
    this.#setTimer = setTimer;
    this.#beginTrace = ports.tracing && traceBeginner(ports.tracing);
  }

  /** One round of the duty: true when there is more to do at once. */
  async round(): Promise<boolean> {
    try {
      const firing = await this.#fire();
      if (firing.isMore) return true;
      await this.#sleep(firing.tasks.length > 0);
      return false;
    } catch (error) {
      this.#wakeIn(SCHEDULE_RETRY_MS * 5);
      throw error;
    }
  }

  stop(): void {
    this.#cancelTimer();
  }

  async #fire(): Promise<Firing> {
    const firing = await this.#fireSome();
    const { log, publisher, metrics } = this.#ports;
    if (firing.missed.length > 0) log.warning("ticks of schedules were missed", { schedules: firing.missed });
    if (firing.tasks.length === 0) return firing;
    metrics.firedTicks.add({}, firing.tasks.length);
    log.debug("schedules fired", { tasks: firing.tasks.map(({ task }) => task.task_id).slice(0, 20) });
    const messages = firing.tasks.map(({ task, seq, route }) => ({
      dispatch: firstDispatch(task, seq, route),
    }));
    // Not awaited: the next tick does not wait for NATS, and the reconciler brings there what does not get there now.
    publisher.publish(messages).catch((error: unknown) => {
      log.warning("ticks are stored, and their messages are left to the reconciler", { error });
    });
    return firing;
  }

  /** What the database refuses for what it says is found by firing one at a time, and put off; the others go on. */
  async #fireSome(): Promise<Firing> {
    const { sql, log } = this.#ports;
    try {
      return await repeated(() => fireDue(sql, SCHEDULES_AT_ONCE_MAX, this.#beginTrace));
    } catch (error) {
      if (classifyStoreFailure(error).kind !== "other") throw error;
    }
    try {
      return { ...(await repeated(() => fireDue(sql, 1, this.#beginTrace))), isMore: true };
    } catch (error) {
      if (classifyStoreFailure(error).kind !== "other") throw error;
      const message = error instanceof Error ? error.message : String(error);
      const scheduleId = await postponeFirst(sql, SCHEDULE_PROBLEM_MS, message);
      log.error("a schedule cannot be fired and is put off", { schedule_id: scheduleId, error });
      return { tasks: [], missed: [], isMore: scheduleId !== null };
    }
  }

  async #sleep(hasFired: boolean): Promise<void> {
    const waitMs = (await nextWakeMs(this.#ports.sql)) ?? SCHEDULE_LOOK_MS_MAX;
    // Due, and we did not get it: another scheduler has it, or died with it a moment ago.
    const isElsewhere = waitMs <= 0 && !hasFired;
    this.#wakeIn(isElsewhere ? SCHEDULE_RETRY_MS : Math.ceil(Math.min(waitMs, SCHEDULE_LOOK_MS_MAX)));
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#setTimer(this.#wake, Math.max(0, delayMs));
  }
}

/** Deadlocks and their like: nothing was committed. */
async function repeated<T>(transaction: () => Promise<T>): Promise<T> {
  for (let repeats = 0; ; repeats++) {
    try {
      return await transaction();
    } catch (error) {
      if (classifyStoreFailure(error).kind !== "repeat" || repeats >= REPEATS_MAX) throw error;
    }
  }
}

/** Nobody asked for this task just now: its trace begins here. */
function traceBeginner(tracing: Tracing): BeginTrace {
  return (scheduleId, taskId) => {
    const span = tracing.start("fire schedule", {
      attributes: { "schedule.id": scheduleId, "task.id": taskId },
    });
    span?.end();
    return span?.context;
  };
}

function setRealTimer(fire: () => void, delayMs: number): () => void {
  const timer = setTimeout(fire, delayMs);
  return () => clearTimeout(timer);
}
