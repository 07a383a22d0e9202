import { Fault, hasRole, type Identity } from "@millrace/core";
import { REMOTE_WORKER_CACHE_MS } from "@millrace/core/limits";
import { findRemoteWorker, orStoreFault, type RemoteWorker, type Sql } from "@millrace/store";

const CACHED_MAX = 10_000;

interface Cached {
  readonly worker: RemoteWorker;
  readonly untilMs: number;
}

export interface Caller {
  readonly workerId: string;
  /** The session that the caller was given when it registered, if it says so. */
  readonly session?: string | undefined;
}

/**
 * Who has registered as which worker. Asked with each heartbeat, so it is remembered for a while; whoever changes a
 * registration tells all api processes (`forget`).
 */
export class Registrations {
  readonly #sql: Sql;
  readonly #nowMs: () => number;
  readonly #cached = new Map<string, Cached>();

  constructor(sql: Sql, nowMs: () => number = () => performance.now()) {
    this.#sql = sql;
    this.#nowMs = nowMs;
  }

  forget(workerId: string): void {
    this.#cached.delete(workerId);
  }

  remember(worker: RemoteWorker): void {
    if (this.#cached.size >= CACHED_MAX) this.#cached.clear();
    this.#cached.set(worker.workerId, { worker, untilMs: this.#nowMs() + REMOTE_WORKER_CACHE_MS });
  }

  /**
   * The worker, for whoever registered it. Throws NOT_FOUND when there is none, or it is somebody else's; WORKER_REPLACED
   * when the caller's life of it is over.
   */
  async own(identity: Identity, { workerId, session }: Caller): Promise<RemoteWorker> {
    let worker = await this.#find(workerId);
    if (session !== undefined && worker !== null && worker.session !== session) {
      this.forget(workerId); // The word of a new life may not have arrived yet.
      worker = await this.#find(workerId);
    }
    if (worker === null || worker.ownerId !== identity.userId) throw unknownWorker();
    if (session !== undefined && worker.session !== session)
      throw new Fault("WORKER_REPLACED", `another process has registered as ${workerId}`);
    return worker;
  }

  /** The same for operators, whoever registered it. */
  async ownOrOperated(identity: Identity, workerId: string): Promise<RemoteWorker> {
    const worker = await this.#find(workerId);
    if (worker === null || (worker.ownerId !== identity.userId && !hasRole(identity, "operator")))
      throw unknownWorker();
    return worker;
  }

  async #find(workerId: string): Promise<RemoteWorker | null> {
    const cached = this.#cached.get(workerId);
    if (cached !== undefined && cached.untilMs > this.#nowMs()) return cached.worker;
    const worker = await orStoreFault(findRemoteWorker(this.#sql, workerId));
    if (worker === null) this.forget(workerId);
    else this.remember(worker);
    return worker;
  }
}

function unknownWorker(): Fault {
  return new Fault("NOT_FOUND", "no such worker; one that speaks HTTP registers first");
}
