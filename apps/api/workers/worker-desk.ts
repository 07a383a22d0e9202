import { SHELVE_TASKS_MAX } from "@millrace/core/limits";
import type { Log, Metrics } from "@millrace/observe";
import {
  leaseTasks,
  loadDispatches,
  makeLeasable,
  orStoreFault,
  type RemoteWorker,
  type Sql,
} from "@millrace/store";
import type { Dispatcher } from "../tasks/intake.ts";
import { repeated } from "../tasks/intake.ts";
import { Cancellations } from "./cancellations.ts";
import type { Fleet } from "./fleet.ts";
import { LeaseDesk } from "./lease-desk.ts";
import { LeaseEnds } from "./lease-ends.ts";
import { leaseInRounds } from "./lease-in-rounds.ts";
import { Registrations } from "./registrations.ts";
import { createWorkerMetrics, type WorkerMetrics } from "./worker-metrics.ts";

export interface WorkerDeskMeans {
  readonly sql: Sql;
  readonly fleet: Fleet;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Portions of waiting tasks that one registration makes leasable; whoever is left then is shelved by its message. */
const BACKLOG_STEPS_MAX = 5_000;

/** All that the api keeps for workers over HTTP. */
export class WorkerDesk {
  readonly fleet: Fleet;
  readonly registrations: Registrations;
  readonly cancellations = new Cancellations();
  readonly leases: LeaseDesk;
  readonly ends: LeaseEnds;
  readonly metrics: WorkerMetrics;
  readonly #means: WorkerDeskMeans;
  readonly #work = new Set<Promise<void>>();

  constructor(means: WorkerDeskMeans) {
    const { fleet, sql } = means;
    this.#means = means;
    this.fleet = fleet;
    this.registrations = new Registrations(sql);
    this.ends = new LeaseEnds(sql);
    this.leases = new LeaseDesk({
      take: (wish) =>
        leaseInRounds(
          () => orStoreFault(repeated(() => leaseTasks(sql, wish))),
          (name) => fleet.tellHeld(name),
        ),
      usageOf: (workerId) => usageOf(fleet, workerId),
      giveBack: (worker, leasing) => this.background(this.giveBack(worker, leasing)),
    });
    this.metrics = createWorkerMetrics(means.metrics, () => this.leases.waiting);
    fleet.onLeasable((types) => this.leases.nudgeTypes(types));
    fleet.onPausesChanged(() => this.leases.nudgeAll());
    fleet.onChanged((workerId) => {
      this.registrations.forget(workerId);
      this.leases.nudgeWorker(workerId);
    });
    fleet.onCancelled((notice) => {
      this.cancellations.note(notice);
      this.leases.release((worker) => worker.session === notice.session);
    });
  }

  /** Gives leased tasks back that nobody will run, without a failure. */
  async giveBack(
    worker: Pick<RemoteWorker, "session">,
    { tasks }: { readonly tasks: readonly { readonly seq: number; readonly attempt: number }[] },
  ): Promise<void> {
    await Promise.all(
      tasks.map(({ seq, attempt }) =>
        this.ends.settle(worker.session, { seq, attempt, kind: "returned", delay_ms: 0 }),
      ),
    );
    await this.publish(tasks.map(({ seq }) => seq));
  }

  /** Has tasks that wait again run: by their messages, or by telling who waits to lease them. */
  async publish(seqs: readonly number[]): Promise<void> {
    const due = await orStoreFault(loadDispatches(this.#means.sql, seqs));
    await this.#means.dispatcher.publish(
      due.map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime() })),
    );
  }

  /** Tasks of these types that were there before anybody could lease them. */
  async openBacklog(types: readonly string[]): Promise<void> {
    for (const taskType of types) {
      let after: number | null = 0;
      for (let step = 0; after !== null && step < BACKLOG_STEPS_MAX; step++) {
        after = await this.#openSome(taskType, after);
        this.fleet.tellLeasable([taskType]);
      }
    }
  }

  #openSome(taskType: string, after: number): Promise<number | null> {
    const { sql } = this.#means;
    return orStoreFault(repeated(() => makeLeasable(sql, { taskType, after, limit: SHELVE_TASKS_MAX })));
  }

  /** Goes on beside the request; the drain waits for it. What fails is left to those who repair. */
  background(work: Promise<void>): void {
    const told = work.catch((error: unknown) => {
      this.#means.log.warning("what follows for a worker over HTTP is left to the scheduler", { error });
    });
    this.#work.add(told);
    void told.finally(() => this.#work.delete(told));
  }

  async drain(): Promise<void> {
    await this.ends.drain();
    await Promise.all([...this.#work]);
  }
}

function usageOf(fleet: Fleet, workerId: string) {
  const beat = fleet.list().find((known) => known.beat.worker_id === workerId)?.beat;
  return { cpu: beat?.system_info.cpu_usage ?? null, memory: beat?.system_info.memory_usage ?? null };
}
