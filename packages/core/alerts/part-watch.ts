import {
  INSTANCES_WATCHED_MAX,
  PART_DIED_TOLD_MS,
  PART_SILENT_MS_MAX,
  PART_START_MS_MAX,
  PULSE_EVERY_MS,
} from "../limits.ts";

interface Instance {
  heardMs: number;
  facts: Readonly<Record<string, number>>;
  /** It said so: nobody is worried before the grace is over. */
  hasLeft: boolean;
}

/** Processes that the product consists of: one that never came is missing as well. */
export const PARTS = ["api", "recorder", "scheduler", "worker"] as const;

/**
 * Which processes live, from the pulses that each sends every second. Silence means death only to somebody who listens, and
 * we know that we do by hearing our own pulse: while NATS is away, or this process was held up, nobody is dead, and
 * afterwards everybody's silence counts from then on. Knows no clock: `nowMs` never goes back.
 */
export class PartWatch {
  readonly #own: string;
  readonly #begunMs: number;
  readonly #instances = new Map<string, Map<string, Instance>>();
  #provenMs: number;
  #listeningSinceMs: number;

  /** `own`: the instance of this process. */
  constructor(own: string, nowMs: number) {
    this.#own = own;
    this.#begunMs = nowMs;
    this.#provenMs = nowMs;
    this.#listeningSinceMs = nowMs;
  }

  hear(
    pulse: {
      readonly name: string;
      readonly instance: string;
      readonly facts?: Readonly<Record<string, number>>;
    },
    nowMs: number,
  ): void {
    if (pulse.instance === this.#own) {
      if (this.isDeaf(nowMs)) this.#listeningSinceMs = nowMs;
      this.#provenMs = nowMs;
    }
    const instances = this.#instances.get(pulse.name) ?? new Map<string, Instance>();
    this.#instances.set(pulse.name, instances);
    this.#forgetOld(instances, nowMs);
    if (instances.size < INSTANCES_WATCHED_MAX || instances.has(pulse.instance))
      instances.set(pulse.instance, { heardMs: nowMs, facts: pulse.facts ?? {}, hasLeft: false });
  }

  /** It drains, in order. */
  leave({ name, instance }: { readonly name: string; readonly instance: string }, nowMs: number): void {
    const known = this.#instances.get(name)?.get(instance);
    if (known !== undefined) Object.assign(known, { hasLeft: true, heardMs: nowMs });
  }

  /** We would hear nothing if there were something: NATS is away, or stands still. */
  isDeaf(nowMs: number): boolean {
    return nowMs - this.#provenMs > PART_SILENT_MS_MAX - PULSE_EVERY_MS;
  }

  /** How many of a part's processes died just now, or 1 when none is left; 0: it is well. */
  missing(name: string, nowMs: number): number {
    const instances = [...(this.#instances.get(name)?.values() ?? [])];
    const silenceOf = ({ heardMs }: Instance) => nowMs - Math.max(heardMs, this.#listeningSinceMs);
    if (instances.length === 0)
      return nowMs - Math.max(this.#begunMs, this.#listeningSinceMs) > PART_START_MS_MAX ? 1 : 0;
    const dead = instances.filter((each) => !each.hasLeft && silenceOf(each) > PART_SILENT_MS_MAX);
    const isSomeoneThere = instances.some((each) => !each.hasLeft && silenceOf(each) <= PART_SILENT_MS_MAX);
    if (isSomeoneThere) return dead.filter((each) => silenceOf(each) <= PART_DIED_TOLD_MS).length;
    // Who left in order is replaced in a while, or the whole product stops.
    const isSomeoneAwaited = instances.some((each) => each.hasLeft && silenceOf(each) <= PART_START_MS_MAX);
    return isSomeoneAwaited && dead.length === 0 ? 0 : 1;
  }

  /** Whoever began to listen a moment ago can say that somebody is missing, and not yet that nobody died just now. */
  isSure(name: string, nowMs: number): boolean {
    return nowMs - this.#begunMs > PART_DIED_TOLD_MS || this.missing(name, nowMs) > 0;
  }

  /** What the living processes of a part told of themselves, by instance. */
  facts(name: string, nowMs: number): ReadonlyMap<string, Readonly<Record<string, number>>> {
    const living = [...(this.#instances.get(name) ?? [])].filter(
      ([, { heardMs, hasLeft }]) => !hasLeft && nowMs - heardMs <= PART_SILENT_MS_MAX,
    );
    return new Map(living.map(([instance, { facts }]) => [instance, facts]));
  }

  /** A part whose last process died stays missing however long that takes. */
  #forgetOld(instances: Map<string, Instance>, nowMs: number): void {
    for (const [instance, { heardMs }] of instances)
      if (nowMs - heardMs > PART_START_MS_MAX) instances.delete(instance);
  }
}
