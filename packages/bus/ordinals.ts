/** A number that was given up. */
export interface Voided {
  readonly ordinal: number;
  /** That its message would have brought. */
  readonly events: number;
}

/** The number of one message, and the numbers that the message tells to be void. */
export interface Ticket {
  readonly instance: string;
  readonly ordinal: number;
  readonly events: number;
  /** Events in all messages of lower numbers. */
  readonly before: number;
  readonly voided: readonly Voided[];
}

/** How far an instance has come: whoever counts its messages must find all up to `ordinal` that are not void. */
export interface EventMark {
  readonly instance: string;
  readonly ordinal: number;
  /** In all messages up to there, void ones included. */
  readonly events: number;
  /** Void numbers that no mark has told before. */
  readonly voided: readonly Voided[];
}

/** Longer lists would make headers of their own; the numbering starts again instead, under another name. */
const VOIDED_MAX = 1_000;
/** Marks of former names that wait to be told. Beyond, the oldest is forgotten: of it, only gaps will show. */
const ENDED_MAX = 16;

/**
 * Numbers the messages of one process, so that whoever counts them sees when one is lost. A number whose message was
 * given up is told in the messages that follow, until one that tells it is acknowledged. Marks tell what no message can:
 * that the last ones are missing.
 */
export class Ordinals {
  readonly #name: () => string;
  #instance: string;
  #last = 0;
  #events = 0;
  #voided: Voided[] = [];
  /** Numbers that are on their way, in their order, and the events before each. */
  readonly #open = new Map<number, number>();
  #ended: EventMark[] = [];
  #markedOrdinal = 0;
  #unmarkedVoided: Voided[] = [];

  /** @param name makes a name that nobody has used. */
  constructor(name: () => string) {
    this.#name = name;
    this.#instance = name();
  }

  /** @param events in the message */
  draw(events: number): Ticket {
    const isCrowded = this.#voided.length > VOIDED_MAX || this.#unmarkedVoided.length > VOIDED_MAX;
    // Only between messages, so that none of the old name is still to come with fewer voids than it has.
    if (isCrowded && this.#open.size === 0) this.#startAgain();
    this.#last += 1;
    const before = this.#events;
    this.#events += events;
    this.#open.set(this.#last, before);
    return { instance: this.#instance, ordinal: this.#last, events, before, voided: [...this.#voided] };
  }

  /** The message will not be stored, or nobody knows: its number means nothing. */
  giveUp({ instance, ordinal, events }: Ticket): void {
    if (instance !== this.#instance) return;
    this.#voided.push({ ordinal, events });
    this.#unmarkedVoided.push({ ordinal, events });
  }

  /** The message is stored, and what it told need not be told again. */
  told({ instance, voided }: Ticket): void {
    if (instance !== this.#instance || voided.length === 0) return;
    const known = new Set(voided.map(({ ordinal }) => ordinal));
    this.#voided = this.#voided.filter(({ ordinal }) => !known.has(ordinal));
  }

  /** Called once for each ticket, at its end. */
  settle({ ordinal }: Ticket): void {
    this.#open.delete(ordinal);
  }

  /** Marks that say more than those told before; none while nothing is published. */
  marks(): readonly EventMark[] {
    const mark = this.#mark();
    const isNew = mark.ordinal > this.#markedOrdinal || mark.voided.length > 0;
    return isNew ? [...this.#ended, mark] : this.#ended;
  }

  /** These, which `marks` has given out, were told. */
  marksTold(marks: readonly EventMark[]): void {
    this.#ended = this.#ended.filter((ended) => !marks.includes(ended));
    const mark = marks.find(({ instance }) => instance === this.#instance);
    if (mark === undefined) return;
    this.#markedOrdinal = mark.ordinal;
    this.#unmarkedVoided = this.#unmarkedVoided.slice(mark.voided.length); // New ones stand behind them.
  }

  #mark(): EventMark {
    const [oldest] = this.#open;
    const [ordinal, events] = oldest === undefined ? [this.#last, this.#events] : [oldest[0] - 1, oldest[1]];
    return { instance: this.#instance, ordinal, events, voided: [...this.#unmarkedVoided] };
  }

  #startAgain(): void {
    this.#ended = [...this.#ended, this.#mark()].slice(-ENDED_MAX);
    this.#instance = this.#name();
    this.#last = 0;
    this.#events = 0;
    this.#voided = [];
    this.#markedOrdinal = 0;
    this.#unmarkedVoided = [];
  }
}
