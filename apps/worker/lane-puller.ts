import { type Bus, type Delivery, giveBack, pullNext, pullNow, type StandingPull } from "@millrace/bus";
import { type Lane, levelOrder, type Priority } from "@millrace/core";

export interface LanePullerOptions {
  readonly bus: Bus;
  readonly lane: Lane;
  /** Tasks of this lane that may run here at once. */
  readonly slots: number;
  /** True: nothing is fetched. Whoever changes that calls `rearm`. */
  readonly isPaused?: () => boolean;
  /** Runs one delivery to its end; the slot is free again when it resolves. Must not reject. */
  readonly handle: (delivery: Delivery) => Promise<void>;
}

/**
 * How long a standing pull stays with the server; an idle worker asks again this often. A request that meets the deletion
 * of its stream is forgotten without an answer (seen: a level stood still for a minute), so this bounds the silence.
 */
const STANDING_MS = 15_000;
/** A sweep that fails (the broker is away) is tried again after this. */
const FAILURE_PAUSE_MS = 500;
/** A standing pull that ends sooner than this, and empty, was refused. */
const REFUSED_MS = 1_000;

/**
 * Fetches work for one lane, and only as much as there are free slots: a message that waits here could run elsewhere.
 * It sweeps the levels in the order of `levelOrder`. A level that is found empty gets a standing pull, which the server
 * serves the moment a message comes; until then sweeps pass it by, so a sweep asks only levels that have work.
 * A standing pull that is served while no slot is free gives its message back: another worker may be idle.
 */
export class LanePuller {
  readonly #options: LanePullerOptions;
  readonly #standing = new Map<Priority, StandingPull>();
  #busy = 0;
  #turn = 0;
  #isStopped = false;
  /** Something changed since the last sweep began: a wake-up that comes during a sweep must not get lost. */
  #isWoken = false;
  #endSleep: () => void = () => {};

  constructor(options: LanePullerOptions) {
    this.#options = options;
  }

  get busy(): number {
    return this.#busy;
  }

  get free(): number {
    return this.#options.slots - this.#busy;
  }

  /** Fetches until `stop`. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      this.#isWoken = false;
      const fetched = this.free === 0 || this.#isPaused ? 0 : await this.#sweep();
      if (fetched === 0) await this.#sleep();
    }
  }

  /** Fetches nothing more. What is running goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#disarm();
    this.#wake();
  }

  get #isPaused(): boolean {
    return this.#options.isPaused?.() ?? false;
  }

  /** After a lost connection the server has forgotten the standing pulls; at a pause it is to forget them. */
  rearm(): void {
    this.#disarm();
    this.#wake();
  }

  #disarm(): void {
    for (const pull of this.#standing.values()) pull.cancel();
    this.#standing.clear();
  }

  async #sweep(): Promise<number> {
    let fetched = 0;
    for (const priority of levelOrder(this.#turn++)) {
      if (this.free === 0 || this.#isStopped || this.#isPaused) break;
      if (!this.#standing.has(priority)) fetched += await this.#fetch(priority);
    }
    return fetched;
  }

  async #fetch(priority: Priority): Promise<number> {
    const { bus, lane } = this.#options;
    try {
      const deliveries = await pullNow(bus, { lane, priority }, this.free);
      for (const delivery of deliveries) this.#start(delivery);
      if (deliveries.length === 0) this.#arm(priority);
      return deliveries.length;
    } catch {
      await Bun.sleep(FAILURE_PAUSE_MS); // The connection is closed or closing; `run` ends with `stop`.
      return 1; // Unknown is not empty: sweep again.
    }
  }

  #start(delivery: Delivery): void {
    if (this.free <= 0 || this.#isStopped || this.#isPaused) {
      giveBack(this.#options.bus, delivery);
      return;
    }
    this.#busy += 1;
    void this.#options.handle(delivery).finally(() => {
      this.#busy -= 1;
      this.#wake();
    });
  }

  #arm(priority: Priority): void {
    if (this.#isStopped || this.#isPaused) return;
    const armedAtMs = performance.now();
    const pull = pullNext(this.#options.bus, {
      level: { lane: this.#options.lane, priority },
      expiresMs: STANDING_MS,
      onDelivery: (delivery) => this.#start(delivery),
      onEnd: (isServed) => {
        const disarm = (): void => {
          if (this.#standing.get(priority) === pull) this.#standing.delete(priority);
          this.#wake();
        };
        // Refused at once: the stream is gone, or has no leader. Asking again at once would be a busy loop.
        if (!isServed && performance.now() - armedAtMs < REFUSED_MS) setTimeout(disarm, FAILURE_PAUSE_MS);
        else disarm();
      },
    });
    this.#standing.set(priority, pull);
  }

  #wake(): void {
    this.#isWoken = true;
    this.#endSleep();
  }

  #sleep(): Promise<void> {
    if (this.#isStopped || this.#isWoken) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endSleep = resolve;
    return promise;
  }
}
