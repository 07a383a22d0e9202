import { tellLeasable } from "@millrace/bus";
import {
  DRAINS_KEPT_DAYS,
  REMOTE_WORKER_KEPT_DAYS,
  ROUTE_GONE_MS,
  SHELVE_TASKS_MAX,
} from "@millrace/core/limits";
import {
  forgetDrains,
  forgetRemoteWorkers,
  listEmbeddedTypes,
  listShelvedTypes,
  routeAwayFromWorkers,
  routeToWorkers,
  takeShelved,
} from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

const FORGET_EVERY_MS = 60 * 60 * 1000;

/**
 * Sees to it that tasks go where they can run. A type that a living worker of the product has a handler for goes by
 * messages; one that none has had for ten minutes does not: whoever meets its messages shelves them, and workers over HTTP
 * may come for them. What is on the shelf and could go by messages is taken off it, in portions, the oldest first.
 */
export class RouteKeeper {
  readonly #ports: SchedulerPorts;
  readonly #nowMs: () => number;
  /** When a living worker with a handler was last seen, by type. Starts anew with the process. */
  readonly #seenAtMs = new Map<string, number>();
  #forgetAtMs = Number.NEGATIVE_INFINITY;

  constructor(ports: SchedulerPorts, nowMs: () => number = () => performance.now()) {
    this.#ports = ports;
    this.#nowMs = nowMs;
  }

  /** True: there is more to take off the shelf. */
  async round(): Promise<boolean> {
    const { sql } = this.#ports;
    const alive = this.#livingTypes();
    const embedded = await listEmbeddedTypes(sql);
    const untold = alive.filter((type) => !embedded.includes(type));
    if (untold.length > 0) await routeToWorkers(sql, untold);
    const gone = this.#goneTypes(embedded, alive);
    if (gone.length > 0) {
      await routeAwayFromWorkers(sql, gone);
      this.#ports.log.warning("no worker of ours runs these task types any more; they wait for others", {
        task_types: gone,
      });
    }
    const ours = new Set([...embedded.filter((type) => !gone.includes(type)), ...untold]);
    await this.#forgetWorkers();
    return await this.#clearShelf(ours);
  }

  #livingTypes(): readonly string[] {
    const living = this.#ports.registry
      .list()
      .filter(({ beat, liveness }) => beat.owner_id === undefined && liveness !== "dead");
    return [...new Set(living.flatMap(({ beat }) => beat.capabilities))];
  }

  #goneTypes(embedded: readonly string[], alive: readonly string[]): readonly string[] {
    const nowMs = this.#nowMs();
    for (const type of alive) this.#seenAtMs.set(type, nowMs);
    return embedded.filter((type) => {
      const seenAtMs = this.#seenAtMs.get(type);
      if (seenAtMs === undefined) this.#seenAtMs.set(type, nowMs);
      return seenAtMs !== undefined && nowMs - seenAtMs > ROUTE_GONE_MS;
    });
  }

  /** Registrations of workers over HTTP that nobody has heard of for days. */
  async #forgetWorkers(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs < this.#forgetAtMs) return;
    this.#forgetAtMs = nowMs + FORGET_EVERY_MS;
    const { sql, registry, log } = this.#ports;
    const except = registry.list().map(({ beat }) => beat.worker_id);
    await forgetDrains(sql, { keptDays: DRAINS_KEPT_DAYS, except });
    const forgotten = await forgetRemoteWorkers(sql, { keptDays: REMOTE_WORKER_KEPT_DAYS, except });
    if (forgotten > 0)
      log.info("registrations of workers that are gone were forgotten", { workers: forgotten });
  }

  async #clearShelf(ours: ReadonlySet<string>): Promise<boolean> {
    const { sql, bus, log } = this.#ports;
    let isMore = false;
    for (const taskType of await listShelvedTypes(sql)) {
      if (!ours.has(taskType)) continue;
      const { count, due } = await takeShelved(sql, { taskType, limit: SHELVE_TASKS_MAX });
      await publishAgain(this.#ports, due, "unshelved");
      tellLeasable(bus, [taskType]);
      if (count > 0)
        log.info("tasks left the shelf for the workers of ours", { task_type: taskType, tasks: count });
      isMore ||= count === SHELVE_TASKS_MAX;
    }
    return isMore;
  }
}
