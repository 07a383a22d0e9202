import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { ApiError } from "./errors.ts";
import { doublingWaitMs, isPassing } from "./retry.ts";
import { AttemptStopped, type Handler, runLeased } from "./run-leased.ts";
import { type Credential, type Fetch, Transport } from "./transport.ts";
import type { HeartbeatAnswer, LeasedTask, RegisteredWorker, SystemInfo } from "./worker-types.ts";
import { WorkersClient } from "./workers.ts";

export interface WorkerOptions<Payloads> {
  /** Where the API is: `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  /** With the scope `workers`. An operator's gets everybody's tasks, any other one its owner's. */
  readonly apiKey: Credential;
  /** Made when absent. The same id again ends the former life of the worker. */
  readonly workerId?: string | undefined;
  /** A handler for each task type. */
  readonly capabilities: { readonly [Type in keyof Payloads]: Handler<Payloads[Type]> };
  /** Tasks that run at once; 5 when absent. */
  readonly maxConcurrentTasks?: number | undefined;
  /** 1 … 60; the server's HEARTBEAT_INTERVAL when absent. */
  readonly heartbeatIntervalS?: number | undefined;
  /** What the machine is busy with: work goes to the less loaded of several. */
  readonly systemInfo?: (() => SystemInfo) | undefined;
  /** How long running tasks may go on after `stop`; then they are given back, unpunished. 20 s when absent. */
  readonly drainMsMax?: number | undefined;
  /** How long the API may be away before `run` rejects; ten minutes when absent. */
  readonly awayMsMax?: number | undefined;
  /** False: SIGTERM and SIGINT are not listened to. They stop the worker as `stop` does. */
  readonly handlesSignals?: boolean | undefined;
  /** What went wrong and is tried again, or was given up. */
  readonly onTrouble?: ((doing: string, error: unknown) => void) | undefined;
  readonly fetch?: Fetch | undefined;
}

const CONCURRENT_DEFAULT = 5;
const DRAIN_MS_MAX = 20_000;
const AWAY_MS_MAX = 10 * 60 * 1_000;
const LEASE_WAIT_S = 25;
const LEASE_TASKS_MAX = 100;
const RETRY_MS_MAX = 5_000;
/** Beats come a little sooner than was promised: the network takes its time. */
const BEAT_SHARE = 0.8;

/** A worker that speaks HTTP: `await defineWorker({…}).run()`. */
export class Worker<Payloads> {
  readonly workerId: string;
  readonly #options: WorkerOptions<Payloads>;
  readonly #workers: WorkersClient;
  readonly #clock: Clock = SYSTEM_CLOCK;
  readonly #instance = crypto.randomUUID();
  readonly #running = new Map<string, AbortController>();
  readonly #work = new Set<Promise<void>>();
  /** Aborts what waits when the worker is to leave. */
  readonly #leaving = new AbortController();
  #registered: RegisteredWorker | undefined;
  #beatTimer: ReturnType<typeof setTimeout> | undefined;
  #hasLeft = false;
  #failure: unknown;
  #run: Promise<void> | undefined;
  #slotFreed: () => void = () => {};

  constructor(options: WorkerOptions<Payloads>) {
    this.#options = options;
    this.workerId = options.workerId ?? `worker-${crypto.randomUUID()}`;
    const { baseUrl, apiKey: credential } = options;
    this.#workers = new WorkersClient(new Transport({ baseUrl, credential, fetch: options.fetch }));
  }

  /** Ids of the tasks that run here now. */
  get currentTasks(): readonly string[] {
    return [...this.#running.keys()];
  }

  /**
   * Registers and works until `stop`, a signal, or the wish of an operator. Rejects when the API refuses it, another
   * process has registered as this worker, or the API was away for too long.
   */
  run(): Promise<void> {
    this.#run ??= this.#live();
    return this.#run;
  }

  /** Takes nothing new, lets running tasks end for a while, gives the others back. Resolves when it has left. */
  async stop(): Promise<void> {
    this.#leaving.abort();
    await this.#run?.catch(() => {}); // `run` tells it.
  }

  async #live(): Promise<void> {
    const stopListening = this.#listenToSignals();
    try {
      await this.#retrying("register", () => this.#register());
      this.#beatLater();
      await this.#leaseUntilLeaving();
    } catch (error) {
      this.#failure ??= error;
    }
    await this.#leave();
    stopListening();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #listenToSignals(): () => void {
    if (this.#options.handlesSignals === false || typeof process === "undefined") return () => {};
    const leave = (): void => this.#leaving.abort();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, leave);
    return () => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.off(signal, leave);
    };
  }

  async #register(): Promise<void> {
    const { capabilities, heartbeatIntervalS } = this.#options;
    this.#registered = await this.#workers.register({
      worker_id: this.workerId,
      capabilities: Object.keys(capabilities),
      max_concurrent_tasks: this.#slots,
      instance: this.#instance,
      ...(heartbeatIntervalS !== undefined && { heartbeat_interval: heartbeatIntervalS }),
    });
  }

  get #slots(): number {
    return this.#options.maxConcurrentTasks ?? CONCURRENT_DEFAULT;
  }

  async #leaseUntilLeaving(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      const free = this.#slots - this.#running.size;
      if (free <= 0) await this.#untilSlotFree();
      else await this.#retrying("lease tasks", () => this.#leaseOnce(free));
    }
  }

  async #leaseOnce(free: number): Promise<void> {
    const { signal } = this.#leaving;
    const wish = { max_tasks: Math.min(free, LEASE_TASKS_MAX), wait_seconds: LEASE_WAIT_S, ...this.#session };
    const answer = await this.#workers.lease(this.workerId, wish, { signal });
    for (const task of answer.tasks) this.#start(task);
    this.#heed(answer);
  }

  get #session(): { readonly session?: string } {
    return this.#registered === undefined ? {} : { session: this.#registered.session };
  }

  #start(task: LeasedTask): void {
    const abort = new AbortController();
    const handlers: Readonly<Record<string, Handler>> = this.#options.capabilities;
    const handler = handlers[task.task_type];
    if (handler === undefined) return; // Never registered for: its lease runs out.
    this.#running.set(task.task_id, abort);
    const work = runLeased({
      ...{ workers: this.#workers, clock: this.#clock, random: Math.random, task, handler, abort },
      leaseMs: (this.#registered?.lease_seconds ?? 30) * 1_000,
      awayMsMax: this.#options.awayMsMax ?? AWAY_MS_MAX,
      onTrouble: (doing, error) => this.#trouble(doing, error),
    }).finally(() => {
      if (this.#running.get(task.task_id) === abort) this.#running.delete(task.task_id);
      this.#work.delete(work);
      this.#slotFreed();
    });
    this.#work.add(work);
  }

  #heed({ cancelled, drain }: HeartbeatAnswer): void {
    for (const taskId of cancelled) this.#running.get(taskId)?.abort(new AttemptStopped("cancelled"));
    if (drain) this.#leaving.abort();
  }

  #untilSlotFree(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#slotFreed = resolve;
    this.#leaving.signal.addEventListener("abort", () => resolve(), { once: true });
    return promise;
  }

  #beatLater(): void {
    if (this.#hasLeft) return;
    const intervalMs = (this.#registered?.heartbeat_interval ?? 30) * 1_000 * BEAT_SHARE;
    this.#beatTimer = setTimeout(() => void this.#beat().finally(() => this.#beatLater()), intervalMs);
  }

  async #beat(): Promise<void> {
    try {
      const status = this.#leaving.signal.aborted ? "draining" : "active";
      const { systemInfo } = this.#options;
      const beat = { status, current_tasks: this.currentTasks, ...this.#session } as const;
      const told = systemInfo === undefined ? beat : { ...beat, system_info: systemInfo() };
      this.#heed(await this.#workers.heartbeat(this.workerId, told));
    } catch (error) {
      this.#trouble("beat", error);
      if (isUnknown(error)) await this.#registerAgain();
      else if (isFatal(error)) this.#give(error);
    }
  }

  async #registerAgain(): Promise<void> {
    if (this.#leaving.signal.aborted) return;
    await this.#register().catch((cause: unknown) => this.#trouble("register", cause));
  }

  #give(error: unknown): void {
    this.#failure ??= error;
    this.#leaving.abort();
  }

  /** Until it succeeds, the worker leaves, or the API has been away for too long. */
  async #retrying(doing: string, act: () => Promise<void>): Promise<void> {
    const untilMs = this.#clock.nowMs() + (this.#options.awayMsMax ?? AWAY_MS_MAX);
    for (let tries = 1; !this.#leaving.signal.aborted; tries += 1) {
      try {
        await act();
        return;
      } catch (error) {
        if (this.#leaving.signal.aborted) return;
        this.#trouble(doing, error);
        if (isFatal(error) || this.#clock.nowMs() >= untilMs) throw error;
        if (isUnknown(error)) await this.#registerAgain();
        await this.#clock
          .sleep(doublingWaitMs(tries, Math.random, RETRY_MS_MAX), this.#leaving.signal)
          .catch(() => {});
      }
    }
  }

  /** Says that it leaves, waits for what runs, and gives back what does not end. */
  async #leave(): Promise<void> {
    this.#leaving.abort();
    if (this.#registered !== undefined) await this.#beat();
    const late = new AbortController();
    const patience = this.#clock.sleep(this.#options.drainMsMax ?? DRAIN_MS_MAX, late.signal).catch(() => {});
    await Promise.race([Promise.all([...this.#work]), patience]);
    late.abort();
    this.#hasLeft = true;
    clearTimeout(this.#beatTimer);
    const isReplaced = this.#failure instanceof ApiError && this.#failure.code === "WORKER_REPLACED";
    for (const abort of this.#running.values()) abort.abort(new AttemptStopped("stopped"));
    if (this.#registered === undefined || isReplaced) return;
    await this.#workers.remove(this.workerId).catch((error: unknown) => this.#trouble("leave", error));
  }

  #trouble(doing: string, error: unknown): void {
    this.#options.onTrouble?.(doing, error);
  }
}

/** The API has no such worker: it was removed, or forgotten. */
function isUnknown(error: unknown): boolean {
  return error instanceof ApiError && error.code === "NOT_FOUND";
}

/** Trying again changes nothing. */
function isFatal(error: unknown): boolean {
  return error instanceof ApiError && !isUnknown(error) && !isPassing(error.status) && error.status < 500;
}

/** A worker for task types of one's own. It does nothing before `run`. */
export function defineWorker<Payloads>(options: WorkerOptions<Payloads>): Worker<Payloads> {
  return new Worker(options);
}
