import { type Breaker, type BreakerEvent, changeBreaker, NEVER_OPENED } from "@millrace/core/breaker";
import { BREAKERS_LOOK_MS, BREAKERS_MAX } from "@millrace/core/limits";
import { BREAKER_CHANGED_SUBJECT, BREAKERS_BUCKET, breakerToWords, decodeBreaker } from "@millrace/protocol";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { openBucket } from "./buckets.ts";
import type { Bus } from "./connect.ts";

export interface KnownBreaker {
  readonly origin: string;
  readonly breaker: Breaker;
  /** Of its key in the bucket; 0 when it has never been there, as far as we know. */
  readonly revision: number;
}

export interface BreakerBoardOptions {
  readonly bus: Bus;
  /** Told of each state that this process learns of; `isOwn`: this process has brought it about. */
  readonly onChange?: (known: KnownBreaker, isOwn: boolean) => void;
  readonly onFailure?: (error: unknown) => void;
  readonly lookMs?: number;
}

const TRIES_MAX = 4;
const PUT_MS_MAX = 3_000;
const SUBJECT_PREFIX = `$KV.${BREAKERS_BUCKET}.`;
const OPERATION_HEADER = "KV-Operation";

/**
 * The breakers that are not closed, known to this process: asking costs a look into a map. Changes are compare-and-set on
 * the bucket, so of two processes that change the same state one does; whoever did tells the others, who know it within
 * milliseconds, and what gets lost on that way is read from the bucket within BREAKERS_LOOK_MS.
 * While NATS is away a trip counts for this process alone; it is written at the next change.
 */
export class BreakerBoard {
  readonly #options: BreakerBoardOptions;
  readonly #known = new Map<string, KnownBreaker>();
  #bucket: KV | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #stopHearing: () => void = () => {};

  constructor(options: BreakerBoardOptions) {
    this.#options = options;
  }

  /** Resolves when it has read once, or could not. */
  async start(): Promise<void> {
    const { bus, lookMs = BREAKERS_LOOK_MS } = this.#options;
    const subscription = bus.connection.subscribe(BREAKER_CHANGED_SUBJECT, {
      callback: (error, message) => {
        if (error === null) this.#hear(message.string());
      },
    });
    this.#stopHearing = () => subscription.unsubscribe();
    this.#timer = setInterval(() => void this.refresh(), lookMs);
    await this.refresh();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopHearing();
  }

  get(origin: string): Breaker {
    return this.#known.get(origin)?.breaker ?? NEVER_OPENED;
  }

  list(): readonly KnownBreaker[] {
    return [...this.#known.values()];
  }

  /** Reads all of them from the bucket. What it does not hold any more is forgotten: never opened. */
  async refresh(): Promise<void> {
    try {
      const inBucket = await readBreakers(this.#options.bus);
      for (const known of inBucket.values()) this.#learn(known, false);
      for (const [origin, { revision }] of this.#known) {
        const told = inBucket.get(origin)?.revision ?? 0;
        if (told === 0 && revision > 0) this.#known.delete(origin);
        // Heard a moment ago; or of a bucket that is gone, and the one that was made anew counts from one.
        else if (told > 0 && told < revision) await this.#reread(origin);
      }
    } catch (error) {
      this.#options.onFailure?.(error);
    }
  }

  /** The new state, or null when the event changes nothing, or cannot be told: only a trip counts all the same. */
  async change(origin: string, event: BreakerEvent): Promise<Breaker | null> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const known = this.#known.get(origin) ?? { origin, breaker: NEVER_OPENED, revision: 0 };
      const breaker = changeBreaker(known.breaker, event);
      if (breaker === null) return null;
      try {
        const revision = await this.#put(known, breaker);
        this.#learn({ origin, breaker, revision }, true);
        this.#tell({ origin, breaker, revision });
        return breaker;
      } catch (error) {
        if (!isOvertaken(error)) return this.#changeAlone({ ...known, breaker }, event, error);
        await this.#reread(origin);
      }
    }
    return null;
  }

  /** Removes what has been closed for long from the bucket. */
  async forget(origin: string): Promise<void> {
    const bucket = await this.#open();
    await bucket.purge(keyOf(origin));
    this.#known.delete(origin);
  }

  #changeAlone(known: KnownBreaker, event: BreakerEvent, error: unknown): Breaker | null {
    this.#bucket = undefined; // It may have been deleted.
    this.#options.onFailure?.(error);
    if (event.kind !== "trip") return null;
    this.#keep(known);
    this.#options.onChange?.(known, true);
    return known.breaker;
  }

  async #put({ origin, revision }: KnownBreaker, breaker: Breaker): Promise<number> {
    const bucket = await this.#open();
    const value = JSON.stringify(breakerToWords(origin, breaker));
    // With revision 0 the key must not be there; a key that was deleted counts as that.
    return revision === 0
      ? await bucket.create(keyOf(origin), value)
      : await bucket.update(keyOf(origin), value, revision, PUT_MS_MAX);
  }

  async #open(): Promise<KV> {
    this.#bucket ??= await openBreakersBucket(this.#options.bus);
    return this.#bucket;
  }

  async #reread(origin: string): Promise<void> {
    const entry = await (await this.#open()).get(keyOf(origin));
    const decoded = entry === null || entry.operation !== "PUT" ? null : decodeBreaker(entry.string());
    if (entry === null || decoded === null) this.#known.delete(origin);
    else this.#take({ ...decoded, origin, revision: entry.revision }, false);
  }

  #tell({ origin, breaker, revision }: KnownBreaker): void {
    const words = { ...breakerToWords(origin, breaker), revision };
    this.#options.bus.connection.publish(BREAKER_CHANGED_SUBJECT, JSON.stringify(words));
  }

  #hear(body: string): void {
    const decoded = decodeBreaker(body);
    const revision = decoded === null ? Number.NaN : Number(JSON.parse(body).revision);
    if (decoded !== null && Number.isSafeInteger(revision)) this.#learn({ ...decoded, revision }, false);
  }

  #learn(known: KnownBreaker, isOwn: boolean): void {
    const former = this.#known.get(known.origin);
    if (former === undefined || former.revision < known.revision) this.#take(known, isOwn);
  }

  #take(known: KnownBreaker, isOwn: boolean): void {
    const isNew = this.#known.get(known.origin)?.revision !== known.revision;
    this.#keep(known);
    if (isNew) this.#options.onChange?.(known, isOwn);
  }

  /** Bounded: whoever calls a million dead hosts has the oldest of their breakers forgotten here. */
  #keep(known: KnownBreaker): void {
    this.#known.delete(known.origin);
    this.#known.set(known.origin, known);
    if (this.#known.size <= BREAKERS_MAX) return;
    const oldest = this.#known.keys().next().value;
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Makes it when it is not there. */
export async function openBreakersBucket(bus: Bus): Promise<KV> {
  return await openBucket(bus, BREAKERS_BUCKET);
}

/** All breakers that the bucket holds, by origin. One question; rejects when NATS does not answer. */
export async function readBreakers(bus: Bus): Promise<ReadonlyMap<string, KnownBreaker>> {
  const breakers = new Map<string, KnownBreaker>();
  try {
    const messages = await bus.manager.direct.getLastMessagesFor(`KV_${BREAKERS_BUCKET}`, {
      multi_last: [`${SUBJECT_PREFIX}>`],
    });
    for await (const message of messages) {
      const decoded = message.header.has(OPERATION_HEADER) ? null : decodeBreaker(message.string());
      if (decoded !== null) breakers.set(decoded.origin, { ...decoded, revision: message.seq });
    }
  } catch (error) {
    // No bucket, or nothing in it: no breaker has ever opened.
    if (!(error instanceof JetStreamApiError) && !(error instanceof JetStreamError)) throw error;
  }
  return breakers;
}

const KEY_HOSTILE = /[^A-Za-z0-9_.-]|\.$|\.(?=\.)/g;

/** Origins have characters that keys may not; the origin itself stands in the value. */
function keyOf(origin: string): string {
  return origin.replace(KEY_HOSTILE, (char) => `=${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const WRONG_LAST_SEQUENCE = new Set([10071, 10164]);

/** Somebody has changed it since we read it. */
function isOvertaken(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.has(error.code);
}
