import { BreakerBoard, type KnownBreaker, onFreed, onHeld } from "@millrace/bus";
import { readGuardName } from "@millrace/core";
import { BREAKER_KINDS, type BreakerKind, releaseOf } from "@millrace/core/breaker";
import {
  BREAKER_KEPT_MS,
  LIMIT_RELEASE_MS,
  RELEASE_NAMES_MAX,
  RELEASE_TASKS_MAX,
} from "@millrace/core/limits";
import { listHoldingNames, readLimitUse, takeHeld, takeProbe } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

/** A timer that is set further off is set again by then. */
const WAIT_MS_MAX = 60_000;

/**
 * Lets go on what guards hold back: tasks of a host whose breaker lets something through (one, then more and more), and
 * tasks of a limit that has room, the most urgent first. It looks when a breaker changes, when somebody says that tasks
 * are held or that a permit is free, and when time alone changes something; and now and then in any case, so that no task
 * is forgotten whatever dies. With several schedulers each task is let go by one of them.
 */
export class HeldReleaser {
  readonly #ports: SchedulerPorts;
  readonly #board: BreakerBoard;
  readonly #nudge: () => void;
  #stops: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** Where the next look begins, when there were more names than one takes. */
  #after = "";

  /** `nudge` has the next round begin at once. */
  constructor(ports: SchedulerPorts, nudge: () => void) {
    this.#ports = ports;
    this.#nudge = nudge;
    this.#board = new BreakerBoard({
      bus: ports.bus,
      onChange: nudge,
      onFailure: (error) => ports.log.warning("the breakers could not be read or changed", { error }),
    });
  }

  async start(): Promise<void> {
    const { bus } = this.#ports;
    this.#stops = [onHeld(bus, this.#nudge), onFreed(bus, this.#nudge)];
    await this.#board.start();
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#board.stop();
  }

  /** True: there is more to let go at once. */
  async round(): Promise<boolean> {
    const nowMs = Date.now();
    await this.#keepBreakers(nowMs);
    this.#measure();
    const names = await listHoldingNames(this.#ports.sql, this.#after);
    const isMoreNames = names.length === RELEASE_NAMES_MAX;
    this.#after = isMoreNames ? (names.at(-1) ?? "") : "";
    let isMore = isMoreNames;
    for (const name of names) isMore = (await this.#release(name, nowMs)) || isMore;
    return isMore;
  }

  async #release(name: string, nowMs: number): Promise<boolean> {
    const guard = readGuardName(name);
    if (guard === null) return await this.#letGo(name, RELEASE_TASKS_MAX); // Nobody knows what it waits for.
    if (guard.kind === "limit") return await this.#releaseLimited(name, guard);
    const { tasks, againAtMs } = releaseOf(this.#board.get(guard.origin), nowMs);
    if (againAtMs !== null) this.#lookAt(againAtMs, nowMs);
    if (tasks === 1) {
      await this.#publish(name, await takeProbe(this.#ports.sql, name));
      return false;
    }
    const isMore = tasks > 0 && (await this.#letGo(name, tasks));
    return isMore && againAtMs === null;
  }

  async #releaseLimited(name: string, limit: Extract<ReturnType<typeof readGuardName>, { kind: "limit" }>) {
    const use = await readLimitUse(this.#ports.sql, limit);
    const tasks = Math.min(
      RELEASE_TASKS_MAX,
      use?.tokens ?? RELEASE_TASKS_MAX,
      use?.free ?? RELEASE_TASKS_MAX,
    );
    if (use !== null) this.#lookAt(Date.now() + LIMIT_RELEASE_MS, Date.now());
    const isMore = tasks > 0 && (await this.#letGo(name, tasks));
    return isMore && use === null;
  }

  /** True: there may be more. */
  async #letGo(name: string, tasks: number): Promise<boolean> {
    const seqs = await takeHeld(this.#ports.sql, name, tasks);
    await this.#publish(name, seqs);
    return seqs.length === tasks;
  }

  /** What is not published now, for whatever reason, the reconciler publishes: the tasks are due. */
  async #publish(name: string, seqs: readonly number[]): Promise<void> {
    if (seqs.length === 0) return;
    const published = await publishAgain(this.#ports, seqs, "released");
    this.#ports.log.debug("tasks that were held back go on", { held_by: name, tasks: published });
  }

  /** Writes down what time has decided, and wakes when it decides something. */
  async #keepBreakers(nowMs: number): Promise<void> {
    for (const known of this.#board.list()) {
      const { origin, breaker } = known;
      if (breaker.kind === "closing") {
        const closed = await this.#board.change(origin, { kind: "ramp_over", nowMs });
        if (closed !== null) this.#ports.log.info("a breaker is closed", { origin, state: "closed" });
      } else if (isForgotten(known, nowMs)) await this.#board.forget(origin);
      const { againAtMs } = releaseOf(this.#board.get(origin), nowMs);
      if (againAtMs !== null) this.#lookAt(againAtMs, nowMs);
    }
  }

  #measure(): void {
    const counts = new Map<BreakerKind, number>(BREAKER_KINDS.map((kind) => [kind, 0]));
    for (const { breaker } of this.#board.list())
      counts.set(breaker.kind, (counts.get(breaker.kind) ?? 0) + 1);
    for (const [state, count] of counts) this.#ports.metrics.breakers.set({ state }, count);
  }

  #lookAt(atMs: number, nowMs: number): void {
    if (atMs >= this.#timerAtMs && this.#timerAtMs > nowMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const waitMs = Math.min(WAIT_MS_MAX, Math.max(1, atMs - Date.now()));
    this.#timer = setTimeout(() => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#nudge();
    }, waitMs);
  }
}

function isForgotten({ breaker, revision }: KnownBreaker, nowMs: number): boolean {
  return breaker.kind === "closed" && revision > 0 && nowMs - breaker.sinceMs > BREAKER_KEPT_MS;
}
