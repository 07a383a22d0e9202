import { idempotencyConflict } from "@millrace/bus";
import { EVENT_KEY_LOOK_MS_MAX } from "@millrace/core/limits";
import type { RecordedRequest } from "@millrace/store";

export interface KeyedPart {
  readonly owner: number;
  readonly digest: string;
  readonly part: number;
  /** `linesDigest` of it. */
  readonly body: string;
}

/** After a look that failed, nobody looks for this long: requests must not queue up before a database that is away. */
const PAUSE_MS = 2_000;

/**
 * Idempotency-Keys that the ledger knows: they outlive the stream's own memory of message ids. While the database is
 * away, keys are taken for new ones; the stream still knows those of the last two minutes, and the recorder all others.
 */
export class KnownKeys {
  readonly #look: (part: KeyedPart) => Promise<RecordedRequest | null>;
  #notBeforeMs = 0;

  constructor(look: (part: KeyedPart) => Promise<RecordedRequest | null>) {
    this.#look = look;
  }

  /**
   * @returns the stream sequence at which the same lines were recorded under this key; undefined when it is not known.
   * @throws Fault IDEMPOTENCY_CONFLICT when other lines were.
   */
  async find(part: KeyedPart): Promise<number | undefined> {
    if (performance.now() < this.#notBeforeMs) return undefined;
    const known = await this.#ask(part);
    if (known === null) return undefined;
    if (known.bodyDigest !== null && known.bodyDigest !== part.body) throw idempotencyConflict();
    return known.firstSeq;
  }

  async #ask(part: KeyedPart): Promise<RecordedRequest | null> {
    const { promise: isLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("the database does not answer")), EVENT_KEY_LOOK_MS_MAX);
    try {
      return await Promise.race([this.#look(part), isLate]);
    } catch {
      this.#notBeforeMs = performance.now() + PAUSE_MS;
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}
