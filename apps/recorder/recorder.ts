import {
  ackEvents,
  type EventDelivery,
  giveBackEvents,
  keepEvents,
  onConsumerLeaders,
  pullEvents,
} from "@millrace/bus";
import {
  ACK_PROGRESS_MS,
  RECORDER_FLIGHTS,
  RECORDER_PULL_BYTES_MAX,
  RECORDER_PULL_MESSAGES_MAX,
} from "@millrace/core/limits";
import { endingSpan } from "@millrace/observe";
import { EVENTS_STREAM } from "@millrace/protocol/events/index";
import { classifyStoreFailure, isRefusal } from "@millrace/store";
import { startBatchSpan } from "./batch-span.ts";
import type { RecorderPorts } from "./ports.ts";
import { storeMessages } from "./store-messages.ts";

const WAIT_MS = 20_000;
/** Nothing came, although it waited: the stream or NATS is away. */
const EMPTY_PAUSE_MS = 250;
/**
 * A transaction costs 1.2 ms of CPU beside its rows. After a small one, a flight lets company gather, while the others
 * take what comes: 130 messages a second are 55 transactions, and stored 0.03 s after they were taken.
 */
const SMALL_BATCH_BYTES = 512 * 1024;
const SMALL_BATCH_PAUSE_MS = 80;
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 2_000;

/**
 * Takes messages off the stream and records them, a few transactions at a time. Any number of recorders may run: the
 * ledger lets each message in once, whoever brings it, and however often.
 */
export class Recorder {
  readonly #ports: RecorderPorts;
  readonly #stopping = new AbortController();
  /** Sequences that a flight of this process holds: the server hands them out again when a transaction takes long. */
  readonly #held = new Set<number>();
  #flights: Promise<void>[] = [];
  /** Ends the waits for a first message, of all flights. */
  #waiting = new AbortController();
  #stopFollowing: () => void = () => {};

  constructor(ports: RecorderPorts) {
    this.#ports = ports;
  }

  start(): void {
    // A pull that stood with a leader that died is answered by nobody.
    this.#stopFollowing = onConsumerLeaders(this.#ports.bus, EVENTS_STREAM, () => {
      this.#waiting.abort();
      this.#waiting = new AbortController();
    });
    this.#flights = Array.from({ length: RECORDER_FLIGHTS }, () => this.#fly());
  }

  /** Resolves when what was begun is recorded, or given back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopFollowing();
    await Promise.all(this.#flights);
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #fly(): Promise<void> {
    while (!this.#isStopping) {
      const deliveries = await this.#pull();
      if (deliveries.length === 0) {
        await this.#pause(EMPTY_PAUSE_MS);
        continue;
      }
      await this.#handle(deliveries);
      const bytes = deliveries.reduce((sum, { body }) => sum + body.length, 0);
      if (bytes < SMALL_BATCH_BYTES) await this.#pause(SMALL_BATCH_PAUSE_MS);
    }
  }

  async #pull(): Promise<readonly EventDelivery[]> {
    const delivered = await pullEvents(this.#ports.bus, {
      batch: RECORDER_PULL_MESSAGES_MAX,
      bytesMax: RECORDER_PULL_BYTES_MAX,
      waitMs: WAIT_MS,
      signal: AbortSignal.any([this.#stopping.signal, this.#waiting.signal]),
    });
    const taken = delivered.filter(({ seq }) => !this.#held.has(seq));
    for (const { seq } of taken) this.#held.add(seq);
    return taken;
  }

  async #handle(deliveries: readonly EventDelivery[]): Promise<void> {
    const { bus } = this.#ports;
    const keeping = setInterval(() => keepEvents(bus, deliveries), ACK_PROGRESS_MS);
    try {
      if (await this.#recordUntilDone(deliveries)) ackEvents(bus, deliveries);
      else giveBackEvents(bus, deliveries);
    } finally {
      clearInterval(keeping);
      for (const { seq } of deliveries) this.#held.delete(seq);
    }
  }

  /** Tries for as long as it takes: PostgreSQL may be away for hours. False: told to stop meanwhile. */
  async #recordUntilDone(deliveries: readonly EventDelivery[]): Promise<boolean> {
    const { log, metrics } = this.#ports;
    for (let retryMs = RETRY_MS_FIRST; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      try {
        await this.#record(deliveries);
        if (retryMs > RETRY_MS_FIRST) log.info("events are recorded again");
        return true;
      } catch (error) {
        const kind = isRefusal(error) ? "refused" : classifyStoreFailure(error).kind;
        metrics.failures.add({ kind });
        if (this.#isStopping) return false;
        if (retryMs === RETRY_MS_FIRST && kind !== "repeat")
          log.warning("events cannot be recorded; trying until they can", { kind, error });
        await this.#pause(retryMs);
      }
    }
  }

  async #record(deliveries: readonly EventDelivery[]): Promise<void> {
    const { metrics, progress, tracing } = this.#ports;
    const startedMs = performance.now();
    const span = tracing && startBatchSpan(tracing, deliveries);
    const recorded = await endingSpan(span, () => storeMessages(this.#ports, deliveries));
    metrics.transactionSeconds.observe({}, (performance.now() - startedMs) / 1000);
    metrics.messages.add({ outcome: "recorded" }, recorded.length);
    metrics.messages.add({ outcome: "known" }, deliveries.length - recorded.length);
    for (const outcome of ["stored", "rejected", "deduplicated"] as const)
      metrics.events.add(
        { outcome },
        recorded.reduce((sum, one) => sum + one[outcome], 0),
      );
    progress.add(recorded);
  }

  /** Ends early when told to stop. */
  async #pause(ms: number): Promise<void> {
    if (this.#isStopping) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { signal } = this.#stopping;
    const timer = setTimeout(resolve, ms);
    const wake = (): void => resolve();
    signal.addEventListener("abort", wake);
    await promise;
    signal.removeEventListener("abort", wake);
    clearTimeout(timer);
  }
}
