import type { StreamRules } from "@millrace/bus";
import type { Log } from "@millrace/observe";
import type { WorkerBeat } from "@millrace/protocol";
import type { HeartbeatNews, HeartbeatOrders } from "./heartbeat-thread.ts";

export interface HeartbeatOptions {
  readonly natsUrls: readonly string[];
  readonly streams: StreamRules;
  readonly workerId: string;
  /** Changes with each start; the worker's claims carry it. */
  readonly nonce: string;
  readonly capabilities: readonly string[];
  readonly slots: number;
  /** Of the first beat; "active" when absent. */
  readonly status?: WorkerBeat["status"];
  readonly intervalS: number;
  readonly currentTasks: () => readonly string[];
  readonly log: Log;
  /** How long to wait for the first beat. */
  readonly startMsMax?: number;
}

const START_MS_MAX = 15_000;
/** How often the event loop shows that it turns; the thread compares it with MAIN_STALL_MS_MAX. */
const TICK_MS = 1_000;

/**
 * Tells the world that this worker lives, from a thread of its own: a handler that keeps the event loop busy must not
 * make it look dead. The thread watches the event loop in turn, so that a worker that hangs does not look alive.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #thread: Worker;
  readonly #ticks = new Int32Array(new SharedArrayBuffer(4));
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #lastTold = "";
  #status: WorkerBeat["status"];

  private constructor(options: HeartbeatOptions, thread: Worker) {
    this.#options = options;
    this.#status = options.status ?? "active";
    this.#thread = thread;
  }

  /** Resolves when the first beat stands in the bucket: before that nothing may be claimed. */
  static async start(options: HeartbeatOptions): Promise<Heartbeat> {
    const thread = new Worker(new URL("./heartbeat-thread.ts", import.meta.url).href);
    const heartbeat = new Heartbeat(options, thread);
    try {
      await heartbeat.#begin();
      return heartbeat;
    } catch (error) {
      heartbeat.#end();
      throw error;
    }
  }

  /** Says at once whether the worker takes anything new, and what it runs. */
  be(status: WorkerBeat["status"]): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#tellTasks();
    this.#order({ kind: "status", status });
  }

  /** Says goodbye: the bucket forgets the worker. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, TICK_MS);
    this.#thread.addEventListener("message", (event: MessageEvent<HeartbeatNews>) => {
      if (event.data.kind === "stopped") resolve();
    });
    this.#order({ kind: "stop" });
    await promise;
    clearTimeout(timer);
    this.#end();
  }

  #end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#thread.terminate();
  }

  async #begin(): Promise<void> {
    const { natsUrls, streams, workerId, nonce, capabilities, slots, intervalS, log } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error("the first heartbeat did not get through")),
      this.#options.startMsMax ?? START_MS_MAX,
    );
    this.#thread.addEventListener("message", (event: MessageEvent<HeartbeatNews>) => {
      if (event.data.kind === "first_beat") resolve();
      if (event.data.kind === "trouble") log.warning("heartbeat", { reason: event.data.reason });
    });
    this.#thread.addEventListener("error", (event) =>
      reject(new Error(`the heartbeat thread died: ${event.message}`)),
    );
    const ticks = this.#ticks;
    this.#order({
      kind: "start",
      natsUrls,
      streams,
      workerId,
      nonce,
      capabilities: [...capabilities],
      slots,
      status: this.#status,
      intervalS,
      ticks,
    });
    this.#timers.push(setInterval(() => Atomics.add(ticks, 0, 1), TICK_MS));
    this.#timers.push(setInterval(() => this.#tellTasks(), Math.max(TICK_MS, (intervalS * 1000) / 2)));
    await promise;
    clearTimeout(timer);
  }

  #tellTasks(): void {
    const tasks = this.#options.currentTasks();
    const told = tasks.join(" ");
    if (told !== this.#lastTold) this.#order({ kind: "tasks", tasks: [...tasks] });
    this.#lastTold = told;
  }

  #order(orders: HeartbeatOrders): void {
    this.#thread.postMessage(orders);
  }
}
