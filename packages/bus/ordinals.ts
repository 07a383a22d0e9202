/** The number of one message, and the numbers that the message tells to be void. */
export interface Ticket {
  readonly instance: string;
  readonly ordinal: number;
  /** Events in all messages of lower numbers. */
  readonly before: number;
  readonly voided: readonly number[];
}

/** Longer lists would make headers of their own; the numbering starts again instead, under another name. */
const VOIDED_MAX = 1_000;

/**
 * Numbers the messages of one process, so that whoever counts them sees when one is lost. A number whose message was
 * given up is told in the messages that follow, until one that tells it is acknowledged.
 */
export class Ordinals {
  readonly #name: () => string;
  #instance: string;
  #last = 0;
  #events = 0;
  #voided: number[] = [];
  #open = 0;

  /** @param name makes a name that nobody has used. */
  constructor(name: () => string) {
    this.#name = name;
    this.#instance = name();
  }

  /** @param events in the message */
  draw(events: number): Ticket {
    // Only between messages, so that none of the old name is still to come with fewer voids than it has.
    if (this.#voided.length > VOIDED_MAX && this.#open === 0) {
      this.#instance = this.#name();
      this.#last = 0;
      this.#events = 0;
      this.#voided = [];
    }
    this.#open += 1;
    this.#last += 1;
    const before = this.#events;
    this.#events += events;
    return { instance: this.#instance, ordinal: this.#last, before, voided: [...this.#voided] };
  }

  /** The message will not be stored, or nobody knows: its number means nothing. */
  giveUp(ticket: Ticket): void {
    if (ticket.instance === this.#instance) this.#voided.push(ticket.ordinal);
  }

  /** The message is stored, and what it told need not be told again. */
  told({ instance, voided }: Ticket): void {
    if (instance !== this.#instance || voided.length === 0) return;
    const known = new Set(voided);
    this.#voided = this.#voided.filter((ordinal) => !known.has(ordinal));
  }

  /** Called once for each ticket, at its end. */
  settle(_ticket: Ticket): void {
    this.#open -= 1;
  }
}
