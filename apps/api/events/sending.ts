import { Fault } from "@millrace/core";
import { type EventDoor, encodeReceipt, linesDigest, type Placement } from "@millrace/protocol/events/index";
import type { Harvest, Part, Rejection } from "./harvest.ts";
import type { EventIntake } from "./intake.ts";

/** Whose events these are, and how they came. */
export interface Sender {
  readonly door: EventDoor;
  readonly owner: number;
  readonly receivedAtMs: number;
  readonly correlationId: string;
  /** Of the request, where its trace is recorded. */
  readonly traceContext?: string;
  /** For events that bring none. */
  readonly source: string | null;
  /** Digest of the Idempotency-Key. */
  readonly keyDigest: string | undefined;
}

export interface Taken {
  readonly accepted: number;
  readonly rejections: readonly Rejection[];
  readonly rejectedTotal: number;
  /** Null when nothing was accepted. */
  readonly receipt: string | null;
}

/**
 * Sends the parts of one request, in their order and one at a time, while the next one is being read. So what was
 * taken is always a beginning of the request, and whoever hears that it failed knows where to go on.
 */
export class Sending {
  readonly #intake: EventIntake;
  readonly #sender: Sender;
  readonly #harvest: Harvest;
  readonly #placements: Placement[] = [];
  #accepted = 0;
  #nextIndex = 0;
  #parts = 0;
  #flight: Promise<void> | undefined;

  constructor(intake: EventIntake, sender: Sender, harvest: Harvest) {
    this.#intake = intake;
    this.#sender = sender;
    this.#harvest = harvest;
  }

  /** Records before this one were taken, or refused; those from here on were not. 0 while nothing was taken. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** Waits for the part before, and sends this one. */
  async send(part: Part): Promise<void> {
    await this.#flight;
    const flight = this.#fly(part);
    flight.catch(() => undefined); // Whoever waits next hears of it.
    this.#flight = flight;
  }

  async #fly(part: Part): Promise<void> {
    const { keyDigest, ...sender } = this.#sender;
    const repeatable =
      keyDigest === undefined
        ? {}
        : { repeatable: { digest: keyDigest, part: this.#parts, body: linesDigest(part.runs) } };
    this.#parts += 1;
    this.#placements.push(await this.#intake.add({ ...part, ...sender, ...repeatable }));
    this.#accepted += part.events;
    this.#nextIndex = part.nextIndex;
  }

  async finish(): Promise<Taken> {
    await this.#flight;
    const { rejections, rejectedTotal } = this.#harvest;
    const receipt = this.#placements.length === 0 ? null : encodeReceipt(this.#placements);
    return { accepted: this.#accepted, rejections, rejectedTotal, receipt };
  }

  /** The failure, with what was taken in spite of it. Waits for the part that is on its way. */
  async failure(error: unknown): Promise<unknown> {
    await this.#flight?.catch(() => undefined);
    if (!(error instanceof Fault) || this.#accepted === 0) return error;
    const { code, message, retryAfterS, members } = error;
    const nextIndex = this.#nextIndex;
    const taken = {
      accepted: this.#accepted,
      rejected: this.#harvest.rejections.filter(({ index }) => index < nextIndex),
      next_index: nextIndex,
      receipt: encodeReceipt(this.#placements),
    };
    return new Fault(code, message, {
      cause: error,
      errors: error.errors,
      ...(retryAfterS !== undefined && { retryAfterS }),
      members: { ...members, taken },
    });
  }
}
