import { BREAKERS_BUCKET, decodeBreaker } from "@millrace/protocol";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import type { Bus } from "./connect.ts";

const SUBJECT_PREFIX = `$KV.${BREAKERS_BUCKET}.`;
const OPERATION_HEADER = "KV-Operation";

/** The origins whose breaker lets nothing through, as the bucket `breakers` says: for whoever looks and changes nothing. */
export class BreakerStates {
  readonly #bus: Bus;
  readonly #open = new Set<string>();
  readonly #originOf = new Map<string, string>();
  #stop: () => void = () => {};

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Hears every change from now on, and reads what is there. Rejects when NATS does not answer. */
  async start(): Promise<void> {
    const subscription = this.#bus.connection.subscribe(`${SUBJECT_PREFIX}>`, {
      callback: (error, message) => {
        if (error !== null) return;
        const isGone = (message.headers?.get(OPERATION_HEADER) ?? "") !== "";
        this.#learn(message.subject, isGone ? null : message.string());
      },
    });
    this.#stop = () => subscription.unsubscribe();
    await this.refresh();
  }

  /** Reads the whole bucket: what was written while nobody listened, too. */
  async refresh(): Promise<void> {
    try {
      const messages = await this.#bus.manager.direct.getLastMessagesFor(`KV_${BREAKERS_BUCKET}`, {
        multi_last: [`${SUBJECT_PREFIX}>`],
      });
      for await (const message of messages)
        this.#learn(message.subject, message.header.has(OPERATION_HEADER) ? null : message.string());
    } catch (error) {
      // An empty bucket, or one that nobody has needed yet.
      if (!(error instanceof JetStreamApiError || error instanceof JetStreamError)) throw error;
    }
  }

  stop(): void {
    this.#stop();
  }

  open(): readonly string[] {
    return [...this.#open];
  }

  #learn(key: string, body: string | null): void {
    const known = body === null ? null : decodeBreaker(body);
    const origin = known?.origin ?? this.#originOf.get(key);
    if (origin === undefined) return;
    const kind = known?.breaker.kind ?? "closed";
    this.#originOf.set(key, origin);
    if (kind === "open" || kind === "half_open" || kind === "forced_open") this.#open.add(origin);
    else {
      this.#open.delete(origin);
      this.#originOf.delete(key);
    }
  }
}
