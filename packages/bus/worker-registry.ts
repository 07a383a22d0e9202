import { livenessOf, type WorkerLiveness } from "@millrace/core";
import { sessionOf, type WorkerBeat, workerIdOf } from "@millrace/protocol";
import type { KV } from "@nats-io/kv";
import { watchBeats, workerKey } from "./workers-bucket.ts";

export interface KnownWorker {
  readonly beat: WorkerBeat;
  readonly liveness: WorkerLiveness;
}

interface Entry {
  readonly beat: WorkerBeat;
  /** On our own steady clock: neither a clock jump nor a wrong clock elsewhere makes anybody look dead. */
  readonly heardAtMs: number;
}

/** A session that nobody has heard of may belong to a worker whose first beat is on its way. */
const UNKNOWN_GRACE_MS = 10_000;

/** Who works, as told by the heartbeats in the `workers` bucket. Kept by push: asking it costs nothing. */
export class WorkerRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #unknownSince = new Map<string, number>();
  readonly #nowMs: () => number;
  /** Dead workers whose death was told. */
  readonly #mourned = new Set<string>();
  #isSomeoneGone = false;
  #stop: () => void = () => {};

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  async watch(bucket: KV): Promise<void> {
    this.#stop = await watchBeats(bucket, (change) => {
      if ("beat" in change) this.hear(change.beat);
      else this.#forget(change.removedKey);
    });
  }

  hear(beat: WorkerBeat): void {
    const former = this.#entries.get(workerKey(beat.worker_id));
    if (former !== undefined && former.beat.session !== beat.session) this.#isSomeoneGone = true;
    this.#entries.set(workerKey(beat.worker_id), { beat, heardAtMs: this.#nowMs() });
  }

  /** True once after a worker died, left, or came back as another session: time to look for its claims. */
  takeDeaths(): boolean {
    let isSomeoneGone = this.#isSomeoneGone;
    this.#isSomeoneGone = false;
    for (const [key, entry] of this.#entries) {
      if (this.#livenessOf(entry) !== "dead") this.#mourned.delete(key);
      else if (!this.#mourned.has(key)) {
        this.#mourned.add(key);
        isSomeoneGone = true;
      }
    }
    return isSomeoneGone;
  }

  stop(): void {
    this.#stop();
  }

  list(): readonly KnownWorker[] {
    return [...this.#entries.values()].map((entry) => ({
      beat: entry.beat,
      liveness: this.#livenessOf(entry),
    }));
  }

  /**
   * Whether the claims of a session can be taken back: its worker fell silent, left, or runs in another life by now.
   * A worker beats before it claims anything, so a session without a beat is given only a short grace.
   */
  isSessionDead(session: string): boolean {
    const entry = this.#entries.get(workerKey(workerIdOf(session)));
    if (entry === undefined) return this.#isUnknownForLong(session);
    this.#unknownSince.delete(session);
    const current = sessionOf(entry.beat.worker_id, entry.beat.session);
    return current !== session || this.#livenessOf(entry) === "dead";
  }

  #forget(key: string): void {
    this.#mourned.delete(key);
    if (this.#entries.delete(key)) this.#isSomeoneGone = true;
  }

  #livenessOf(entry: Entry): WorkerLiveness {
    return livenessOf(this.#nowMs() - entry.heardAtMs, entry.beat.heartbeat_interval * 1000);
  }

  #isUnknownForLong(session: string): boolean {
    const nowMs = this.#nowMs();
    const since = this.#unknownSince.get(session);
    if (since === undefined) {
      if (this.#unknownSince.size > 10_000) this.#unknownSince.clear();
      this.#unknownSince.set(session, nowMs);
      return false;
    }
    return nowMs - since > UNKNOWN_GRACE_MS;
  }
}
