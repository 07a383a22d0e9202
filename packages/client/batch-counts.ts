import { REASONS_MAX } from "./bounds.ts";

/** logged = accepted + rejected + dropped + waiting, at every moment. */
export interface BatchCounts {
  readonly logged: number;
  /** Whose request was answered: accepted, or rejected by the API. */
  readonly sent: number;
  /** On the disk of the server. */
  readonly accepted: number;
  /** Refused one by one; each would be refused again. */
  readonly rejected: number;
  /** By code. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Not known to be accepted, and not tried any more. */
  readonly dropped: number;
  /** In a batch that fills, waits or is on its way. */
  readonly waiting: number;
}

export class Counting {
  logged = 0;
  sent = 0;
  accepted = 0;
  dropped = 0;
  waiting = 0;
  #rejected = 0;
  readonly #reasons = new Map<string, number>();

  reject(code: string, events = 1): void {
    this.#rejected += events;
    const reason = this.#reasons.has(code) || this.#reasons.size < REASONS_MAX ? code : "(others)";
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + events);
  }

  read(): BatchCounts {
    const { logged, sent, accepted, dropped, waiting } = this;
    const reasons = Object.fromEntries(this.#reasons);
    return { logged, sent, accepted, rejected: this.#rejected, reasons, dropped, waiting };
  }
}
