import { livenessOf, type WorkerLiveness } from "@millrace/core";
import { sessionOf, type WorkerBeat, workerIdOf } from "@millrace/protocol";
import { type Bus, checkBus } from "./connect.ts";
import { hearBeats, readBeats, workerKey } from "./workers-bucket.ts";

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
/** How often we make sure that we would hear a beat if there were one. */
const LISTEN_EVERY_MS = 500;
/** Longer without such a proof, and silence says more about us, or NATS, than about the workers. */
const DEAF_AFTER_MS = 1_500;

/**
 * Who works, as told by the heartbeats. Kept by push: asking it costs nothing.
 *
 * Silence means death only to somebody who listens. NATS may be away or stand still, and so may this process: after each
 * such gap, everybody's silence counts from its end, and while it lasts nobody is dead.
 */
export class WorkerRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #unknownSince = new Map<string, number>();
  readonly #nowMs: () => number;
  /** Dead workers whose death was told. */
  readonly #mourned = new Set<string>();
  readonly #dead: WorkerBeat[] = [];
  #isSomeoneGone = false;
  #bus: Bus | undefined;
  #stop: () => void = () => {};
  #provenAtMs = Number.NEGATIVE_INFINITY;
  #listeningSinceMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Resolves when all are known who were there already. Goes on until `stop`, whatever becomes of the connection. */
  async watch(bus: Bus): Promise<void> {
    this.#bus = bus;
    const stopHearing = hearBeats(bus, (change) => {
      if ("beat" in change) this.hear(change.beat);
      else this.#forget(change.removedKey);
    });
    const timer = setInterval(() => void this.#listen().catch(() => {}), LISTEN_EVERY_MS); // Failing, it proves nothing.
    this.#stop = () => {
      clearInterval(timer);
      stopHearing();
    };
    await this.#listen();
  }

  hear(beat: WorkerBeat): void {
    const former = this.#entries.get(workerKey(beat.worker_id));
    if (former !== undefined && isOfEarlierLife(beat, former.beat)) return;
    if (former !== undefined && former.beat.session !== beat.session) this.#isSomeoneGone = true;
    this.#entries.set(workerKey(beat.worker_id), { beat, heardAtMs: this.#nowMs() });
  }

  /** True once after a worker died, left, or came back as another session: time to look for its claims. */
  takeDeaths(): boolean {
    if (this.#isDeaf()) return false;
    let isSomeoneGone = this.#isSomeoneGone;
    this.#isSomeoneGone = false;
    for (const [key, entry] of this.#entries) {
      if (this.#livenessOf(entry) !== "dead") this.#mourned.delete(key);
      else if (!this.#mourned.has(key)) {
        this.#mourned.add(key);
        this.#dead.push(entry.beat);
        isSomeoneGone = true;
      }
    }
    return isSomeoneGone;
  }

  /** Those whose death `takeDeaths` has noticed since this was asked last. Who said goodbye, or came back, is not among them. */
  takeDead(): readonly WorkerBeat[] {
    return this.#dead.splice(0);
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

  /** Sessions that are alive, and were heard within this time: what they lost they did not lose with their lives. */
  heardWithin(silentMsMax: number): readonly string[] {
    return [...this.#entries.values()]
      .filter((entry) => this.#livenessOf(entry) === "alive" && this.#silentMsOf(entry) <= silentMsMax)
      .map(({ beat }) => sessionOf(beat.worker_id, beat.session));
  }

  /**
   * Whether it looks as if the claims of a session could be taken back: its worker fell silent, left, or runs in another
   * life by now. A worker beats before it claims anything, so a session without a beat is given only a short grace.
   */
  isSessionDead(session: string): boolean {
    if (this.#isDeaf()) return false;
    const entry = this.#entries.get(workerKey(workerIdOf(session)));
    if (entry === undefined) return this.#isUnknownForLong(session);
    this.#unknownSince.delete(session);
    const current = sessionOf(entry.beat.worker_id, entry.beat.session);
    return current !== session || this.#livenessOf(entry) === "dead";
  }

  /**
   * The same, once everything is known that NATS knows now: a beat that is on its way arrives before the server's answer,
   * and the bucket tells what was never heard. Rejects when NATS does not answer; then nobody is known to be dead.
   */
  async confirmDeath(session: string): Promise<boolean> {
    if (!this.isSessionDead(session)) return false;
    if (this.#bus !== undefined) {
      await this.#listen();
      await this.#catchUp(this.#bus);
    }
    return this.isSessionDead(session);
  }

  /** Proves that we hear: what the server sent before its answer has arrived. */
  async #listen(): Promise<void> {
    if (this.#bus === undefined) return;
    await checkBus(this.#bus);
    if (this.#isDeaf()) {
      await this.#catchUp(this.#bus);
      this.#unknownSince.clear();
      this.#listeningSinceMs = this.#nowMs();
    }
    this.#provenAtMs = this.#nowMs();
  }

  #isDeaf(): boolean {
    return this.#bus !== undefined && this.#nowMs() - this.#provenAtMs > DEAF_AFTER_MS;
  }

  /** Learns what was said while nobody listened. What is heard meanwhile is newer. */
  async #catchUp(bus: Bus): Promise<void> {
    const startedAtMs = this.#nowMs();
    const beats = await readBeats(bus);
    const isOlder = (entry: Entry | undefined): boolean => (entry?.heardAtMs ?? 0) <= startedAtMs;
    for (const [key, beat] of beats) {
      const entry = this.#entries.get(key);
      const isKnown = entry !== undefined && isSameBeat(entry.beat, beat);
      if (!isKnown && isOlder(entry)) this.hear(beat);
    }
    for (const [key, entry] of this.#entries) if (!beats.has(key) && isOlder(entry)) this.#forget(key);
  }

  #forget(key: string): void {
    this.#mourned.delete(key);
    if (this.#entries.delete(key)) this.#isSomeoneGone = true;
  }

  #livenessOf(entry: Entry): WorkerLiveness {
    return livenessOf(this.#silentMsOf(entry), entry.beat.heartbeat_interval * 1000);
  }

  #silentMsOf({ heardAtMs }: Entry): number {
    return this.#nowMs() - Math.max(heardAtMs, this.#listeningSinceMs);
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

/** Lives of workers over HTTP are counted; the beat of a former one may still be on its way through another process. */
function isOfEarlierLife(beat: WorkerBeat, known: WorkerBeat): boolean {
  return beat.owner_id !== undefined && known.owner_id === beat.owner_id && beat.session < known.session;
}

function isSameBeat(a: WorkerBeat, b: WorkerBeat): boolean {
  return a.session === b.session && a.last_heartbeat_at === b.last_heartbeat_at;
}
