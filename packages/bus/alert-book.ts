import { ALERTS_MAX } from "@millrace/core/limits";
import { ALERTS_BUCKET, type AlertRecord, decodeAlert } from "@millrace/protocol/alerts";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { openBucket } from "./buckets.ts";
import type { Bus } from "./connect.ts";

/** Resolved alerts are shown for a day, which is how long the bucket keeps them. One that fires is written again long before. */
const KEPT_MS = 24 * 3_600_000;
const REQUEST_MS_MAX = 2_000;
const SUBJECT_PREFIX = `$KV.${ALERTS_BUCKET}.`;
const OPERATION_HEADER = "KV-Operation";
const WRONG_SEQUENCE = 10_071;
const KEY_HOSTILE = /[^A-Za-z0-9_-]/g;

/** An id names what people chose, such as a worker: each character that keys may not have becomes `=` and four digits. */
function keyOf(id: string): string {
  return id.replace(KEY_HOSTILE, (char) => `=${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * The alerts of the whole product, in a bucket that every process mirrors. A change is compare-and-set: of several who see
 * the same, one brings it about, and only that one tells people.
 */
export class AlertBook {
  readonly #bus: Bus;
  readonly #records = new Map<string, AlertRecord>();
  #bucket: KV | undefined;
  #stopHearing: () => void = () => {};

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Resolves when it knows what is written. Rejects when NATS does not answer. */
  async start(): Promise<void> {
    const subscription = this.#bus.connection.subscribe(`${SUBJECT_PREFIX}>`, {
      callback: (error, message) => {
        if (error !== null || (message.headers?.get(OPERATION_HEADER) ?? "") !== "") return;
        this.#learn(decodeAlert(message.string()));
      },
    });
    this.#stopHearing = () => subscription.unsubscribe();
    await this.refresh();
  }

  /** Reads everything: what was written while nobody listened, too. Rejects when NATS does not answer. */
  async refresh(): Promise<void> {
    await this.#open();
    const records: AlertRecord[] = [];
    try {
      const messages = await this.#bus.manager.direct.getLastMessagesFor(`KV_${ALERTS_BUCKET}`, {
        multi_last: [`${SUBJECT_PREFIX}>`],
      });
      for await (const message of messages) {
        const record = message.header.has(OPERATION_HEADER) ? null : decodeAlert(message.string());
        if (record !== null) records.push(record);
      }
    } catch (error) {
      // "No message found" is how an empty bucket answers.
      if (!(error instanceof JetStreamApiError)) throw error;
    }
    for (const record of records) this.#learn(record);
  }

  stop(): void {
    this.#stopHearing();
  }

  list(): readonly AlertRecord[] {
    return [...this.#records.values()];
  }

  /**
   * Writes it, unless it stands there already in the same state. False: another process was first, and told people.
   * Rejects when NATS does not answer.
   */
  async write(record: AlertRecord): Promise<boolean> {
    const bucket = await this.#open();
    const key = keyOf(record.id);
    const entry = await bucket.get(key);
    const known = entry === null || entry.operation !== "PUT" ? null : decodeAlert(entry.string());
    if (known?.state === record.state || (known === null && record.state === "resolved")) {
      this.#learn(known);
      return false;
    }
    try {
      await bucket.put(key, JSON.stringify(record), {
        previousSeq: entry?.revision ?? 0,
        timeout: REQUEST_MS_MAX,
      });
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_SEQUENCE) return false;
      throw error;
    }
    this.#learn(record);
    return true;
  }

  async #open(): Promise<KV> {
    this.#bucket ??= await openBucket(this.#bus, ALERTS_BUCKET);
    return this.#bucket;
  }

  #learn(record: AlertRecord | null): void {
    if (record === null) return;
    this.#records.delete(record.id);
    this.#records.set(record.id, record);
    const old = Date.now() - KEPT_MS;
    for (const [id, { resolved_at: at }] of this.#records) {
      const isOld = at !== null && Date.parse(at) < old;
      if (isOld || (this.#records.size > ALERTS_MAX && at !== null)) this.#records.delete(id);
    }
  }
}
